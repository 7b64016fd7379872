// The official JavaScript client of Elasticsearch 8 against the server under test.
import assert from 'node:assert';
import { Client } from '@elastic/elasticsearch';

const client = new Client({ node: process.argv[2] });
const documents = Array.from({ length: 120 }, (_, n) => ({ n, kind: n % 2 ? 'odd' : 'even' }));
const written = await client.helpers.bulk({
  datasource: documents,
  onDocument: (document) => ({ create: { _index: 'numbers', _id: String(document.n) } }),
});
assert.strictEqual(written.successful, 120);
assert.strictEqual((await client.count({ index: 'numbers' })).count, 120);
const answer = await client.search({
  index: 'numbers',
  size: 1,
  query: { match: { kind: 'odd' } },
  sort: [{ n: 'desc' }],
  aggs: { kinds: { terms: { field: 'kind.keyword' } } },
});
assert.strictEqual(answer.hits.hits[0]._source.n, 119);
assert.strictEqual(answer.aggregations.kinds.buckets.length, 1);
let seen = 0;
for await (const page of client.helpers.scrollSearch({ index: 'numbers', size: 50, query: { match_all: {} } })) {
  seen += page.documents.length;
}
assert.strictEqual(seen, 120);
await assert.rejects(client.get({ index: 'numbers', id: 'none' }), { statusCode: 404 });
console.log('ok');
