"""opensearch-py and a client of Elasticsearch 9's media type against the server under test."""
import json
import sys
import urllib.request

from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import NotFoundError

url = sys.argv[1]
client = OpenSearch(url, timeout=60)
assert client.info()["version"]["number"]
assert client.indices.create(index="metrics", body={"mappings": {"properties": {"host": {"type": "keyword"}}}})["acknowledged"]
actions = [{"_index": "metrics", "_id": n, "host": f"h{n % 3}", "cpu": n / 10, "@timestamp": 1763683200000 + n * 1000} for n in range(250)]
assert helpers.bulk(client, actions, chunk_size=100) == (250, [])
assert client.count(index="metrics")["count"] == 250
assert len(list(helpers.scan(client, index="metrics", size=40))) == 250
found = client.search(
    index="metrics",
    body={
        "size": 2,
        "sort": [{"cpu": {"order": "desc", "unmapped_type": "double"}}],
        "query": {"bool": {"filter": [{"term": {"host": "h1"}}, {"range": {"@timestamp": {"gte": 1763683200000, "lte": "2025-11-21T00:01:40Z"}}}]}},
        "aggs": {"hosts": {"terms": {"field": "host"}, "aggs": {"cpu": {"avg": {"field": "cpu"}}}}},
    },
)
assert found["hits"]["total"]["value"] == 34, found["hits"]["total"]
assert [hit["_id"] for hit in found["hits"]["hits"]] == ["100", "97"], found["hits"]["hits"]
assert found["aggregations"]["hosts"]["buckets"][0]["key"] == "h1"
client.indices.put_alias(index="metrics", name="current")
assert client.indices.get_alias(name="current") == {"metrics": {"aliases": {"current": {}}}}
assert client.get(index="current", id="3")["_source"]["host"] == "h0"
try:
    client.get(index="current", id="none")
    raise AssertionError("found what is not there")
except NotFoundError:
    pass

media = "application/vnd.elasticsearch+json; compatible-with=9"
request = urllib.request.Request(f"{url}/metrics/_count", json.dumps({"query": {"match_all": {}}}).encode(), {"Accept": media, "Content-Type": media})
with urllib.request.urlopen(request) as answer:
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
    assert answer.headers["Content-Type"] == "application/vnd.elasticsearch+json;compatible-with=9"
    assert json.load(answer)["count"] == 250
print("ok")
