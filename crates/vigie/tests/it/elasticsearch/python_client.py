"""The official Python client of Elasticsearch 8 against the server under test: unchanged, as its
documentation uses it. Prints "ok" at the end; an assertion that fails is the test's failure."""
import datetime
import sys

from elasticsearch import ApiError, BadRequestError, ConflictError, Elasticsearch, NotFoundError, helpers

client = Elasticsearch(sys.argv[1], request_timeout=60)
START = datetime.datetime(2025, 11, 21, tzinfo=datetime.timezone.utc)


def documents(count):
    for at in range(count):
        moment = START + datetime.timedelta(seconds=at)
        yield {
            "_index": "shop-2025.11.21",
            "_id": str(at),
            "_op_type": "create",
            "@timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "service": ["web-api", "worker", "billing"][at % 3],
            "level": "ERROR" if at % 10 == 0 else "INFO",
            "status": 500 if at % 10 == 0 else 200,
            "took_ms": at % 100,
            "message": f"Connection pool exhausted after {at} ms" if at % 10 == 0 else f"request {at} served",
            "tags": ["a", "b"] if at % 2 else ["a"],
            "user": {"id": f"u{at % 7}", "country": "fr"},
        }


def names(response, aggregation):
    return [(bucket["key"], bucket["doc_count"]) for bucket in response["aggregations"][aggregation]["buckets"]]


assert client.info()["version"]["number"].startswith("8.")
assert client.cluster.health(wait_for_status="yellow")["status"] == "green"
client.indices.put_index_template(
    name="shop",
    index_patterns=["shop-*"],
    template={
        "mappings": {
            "properties": {
                "service": {"type": "keyword"},
                "level": {"type": "keyword"},
                "@timestamp": {"type": "date"},
                "message": {"type": "text"},
            }
        },
        "aliases": {"shop": {}},
    },
)
taken, errors = helpers.bulk(client, documents(1000), chunk_size=300)
assert (taken, errors) == (1000, []), (taken, errors)
# Sent again, every document is a conflict and nothing is there twice.
taken, errors = helpers.bulk(client, documents(50), raise_on_error=False)
assert taken == 0 and len(errors) == 50 and errors[0]["create"]["status"] == 409, errors[:1]
client.indices.refresh(index="shop-*")
assert client.count(index="shop")["count"] == 1000
assert client.indices.exists(index="shop-2025.11.21") and not client.indices.exists(index="nothing")
assert client.indices.exists_alias(name="shop")

# every document once, whatever the page
scanned = list(helpers.scan(client, index="shop-*", query={"query": {"match_all": {}}}, size=130))
assert sorted(int(hit["_id"]) for hit in scanned) == list(range(1000))
scanned = list(helpers.scan(client, index="shop-*", query={"query": {"term": {"level": "ERROR"}}, "sort": "@timestamp"}, size=33, preserve_order=True))
assert [int(hit["_id"]) for hit in scanned] == list(range(0, 1000, 10))

# reading one
assert client.get(index="shop-2025.11.21", id="7")["_source"]["user"]["id"] == "u0"
assert client.exists(index="shop-2025.11.21", id="7")
found = client.mget(index="shop-2025.11.21", ids=["1", "none"])["docs"]
assert [doc["found"] for doc in found] == [True, False]


def ids(**body):
    return [int(hit["_id"]) for hit in client.search(index="shop-*", size=100, sort=[{"@timestamp": "asc"}], **body)["hits"]["hits"]]


errors = list(range(0, 1000, 10))
for query, expected in [
    ({"term": {"level": "ERROR"}}, errors),
    ({"terms": {"level": ["ERROR", "FATAL"]}}, errors),
    ({"match": {"message": "exhausted"}}, errors),
    ({"match": {"message": {"query": "pool POOL connection", "operator": "and"}}}, errors),
    ({"match_phrase": {"message": "connection pool"}}, errors),
    ({"match_phrase": {"message": "pool connection"}}, []),
    ({"match_phrase_prefix": {"message": "connection po"}}, errors),
    ({"multi_match": {"query": "exhausted", "fields": ["message", "service"]}}, errors),
    ({"prefix": {"level": "ERR"}}, errors),
    ({"wildcard": {"message": {"value": "*haust*"}}}, errors),
    ({"regexp": {"level": "E.*R"}}, errors),
    ({"fuzzy": {"message": {"value": "exausted"}}}, errors),
    ({"ids": {"values": ["3", "5"]}}, [3, 5]),
    ({"exists": {"field": "user.id"}}, list(range(100))),
    ({"exists": {"field": "absent"}}, []),
    ({"range": {"@timestamp": {"gte": "2025-11-21T00:00:10Z", "lt": "2025-11-21T00:00:13Z"}}}, [10, 11, 12]),
    ({"range": {"@timestamp": {"gte": "2025-11-21T01:00:10", "lte": "2025-11-21T01:00:12", "time_zone": "+01:00"}}}, [10, 11, 12]),
    ({"range": {"@timestamp": {"gte": 1763683210000, "lt": 1763683212000, "format": "epoch_millis"}}}, [10, 11]),
    ({"range": {"took_ms": {"gt": 97, "lte": 98}}}, list(range(98, 1000, 100))),
    ({"query_string": {"query": "level:ERROR AND took_ms:>=90"}}, list(range(90, 1000, 100))),
    ({"query_string": {"query": "exhausted -level:INFO"}}, errors),
    ({"simple_query_string": {"query": "\"pool exhausted\"", "fields": ["message"]}}, errors),
    ({"term": {"tags": "b"}}, list(range(1, 200, 2))),
    ({"term": {"user.country.keyword": "fr"}}, list(range(100))),
    ({"bool": {"filter": [{"term": {"service": "worker"}}], "must_not": [{"range": {"status": {"lt": 500}}}]}}, list(range(10, 1000, 30))),
    ({"bool": {"should": [{"term": {"level": "ERROR"}}, {"term": {"service": "web-api"}}], "minimum_should_match": 2}}, list(range(0, 1000, 30))),
    ({"constant_score": {"filter": {"term": {"status": 500}}}}, errors),
    ({"dis_max": {"queries": [{"term": {"_id": "4"}}, {"ids": {"values": ["9"]}}]}}, [4, 9]),
    ({"match_none": {}}, []),
]:
    assert ids(query=query) == expected, (query, ids(query=query), expected)

# the shape of a page
response = client.search(index="shop-*", size=3, from_=1, sort=[{"took_ms": "desc"}, {"@timestamp": {"order": "asc"}}], source=["user.*"], track_total_hits=True, fields=["@timestamp", "status"])
hits = response["hits"]
assert hits["total"] == {"value": 1000, "relation": "eq"}
assert [hit["_id"] for hit in hits["hits"]] == ["199", "299", "399"]
assert hits["hits"][0]["_source"] == {"user": {"country": "fr", "id": "u3"}}, hits["hits"][0]
assert hits["hits"][0]["sort"][0] == 99 and hits["hits"][0]["fields"]["@timestamp"] == ["2025-11-21T00:03:19.000Z"]
assert client.search(index="shop-*", size=0, track_total_hits=100)["hits"]["total"] == {"value": 100, "relation": "gte"}
assert "total" not in client.search(index="shop-*", size=0, track_total_hits=False)["hits"]

# search_after and a point in time
point = client.open_point_in_time(index="shop-*", keep_alive="1m")["id"]
seen, after = [], None
while True:
    page = client.search(pit={"id": point, "keep_alive": "1m"}, size=170, sort=[{"took_ms": "asc"}], search_after=after)["hits"]["hits"]
    if not page:
        break
    seen += [int(hit["_id"]) for hit in page]
    after = page[-1]["sort"]
assert sorted(seen) == list(range(1000)) and len(seen) == 1000
client.close_point_in_time(id=point)

# scores: a rare word weighs more
scored = client.search(index="shop-*", query={"match": {"message": "exhausted 500"}})["hits"]
assert scored["hits"][0]["_id"] == "500" and scored["max_score"] > scored["hits"][1]["_score"] > 0

# highlight, collapse
marked = client.search(index="shop-*", query={"match": {"message": "pool"}}, highlight={"fields": {"message": {}}}, size=1)
assert "<em>pool</em>" in marked["hits"]["hits"][0]["highlight"]["message"][0]
collapsed = client.search(index="shop-*", collapse={"field": "service"}, sort=[{"@timestamp": "desc"}])["hits"]["hits"]
assert [hit["fields"]["service"] for hit in collapsed] == [["web-api"], ["billing"], ["worker"]], collapsed

# aggregations
told = client.search(
    index="shop-*",
    size=0,
    aggs={
        "levels": {"terms": {"field": "level"}, "aggs": {"slow": {"avg": {"field": "took_ms"}}}},
        "by_slow": {"terms": {"field": "service", "order": {"slow": "desc"}}, "aggs": {"slow": {"max": {"field": "@timestamp"}}}},
        "minutes": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": "5m"},
            "aggs": {"sum": {"sum": {"field": "took_ms"}}, "change": {"derivative": {"buckets_path": "sum"}}, "total": {"cumulative_sum": {"buckets_path": "_count"}}},
        },
        "hours": {"date_histogram": {"field": "@timestamp", "calendar_interval": "1d", "time_zone": "Europe/Paris", "format": "yyyy-MM-dd HH:mm"}},
        "ranges": {"range": {"field": "took_ms", "ranges": [{"to": 50}, {"from": 50}]}},
        "filters": {"filters": {"filters": {"bad": {"term": {"level": "ERROR"}}, "good": {"term": {"level": "INFO"}}}}},
        "one": {"filter": {"match": {"message": "exhausted"}}, "aggs": {"who": {"cardinality": {"field": "user.id.keyword"}}}},
        "hundreds": {"histogram": {"field": "took_ms", "interval": 25}},
        "stats": {"extended_stats": {"field": "took_ms"}},
        "percentiles": {"percentiles": {"field": "took_ms", "percents": [50, 99]}},
        "ranks": {"percentile_ranks": {"field": "took_ms", "values": [50]}},
        "none": {"missing": {"field": "absent"}},
        "tags": {"terms": {"field": "tags.keyword"}},
        "last": {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": ["level"]}},
        "best": {"top_metrics": {"metrics": {"field": "took_ms"}, "sort": {"@timestamp": "desc"}}},
        "pages": {"composite": {"size": 4, "sources": [{"service": {"terms": {"field": "service"}}}, {"level": {"terms": {"field": "level"}}}]}},
        "kinds": {"categorize_text": {"field": "message"}},
        "peak": {"max_bucket": {"buckets_path": "minutes>sum"}},
        "auto": {"auto_date_histogram": {"field": "@timestamp", "buckets": 5}},
    },
)
aggregations = told["aggregations"]
assert names(told, "levels") == [("INFO", 900), ("ERROR", 100)]
assert aggregations["levels"]["buckets"][1]["slow"]["value"] == 45.0
assert [key for key, _ in names(told, "by_slow")] == ["web-api", "billing", "worker"]
minutes = aggregations["minutes"]["buckets"]
assert [bucket["doc_count"] for bucket in minutes] == [300, 300, 300, 100]
assert minutes[0]["key_as_string"] == "2025-11-21T00:00:00.000Z" and minutes[1]["change"]["value"] == 0.0
assert minutes[3]["total"]["value"] == 1000.0
assert [bucket["key_as_string"] for bucket in aggregations["hours"]["buckets"]] == ["2025-11-21 00:00"]
assert [bucket["doc_count"] for bucket in aggregations["ranges"]["buckets"]] == [500, 500]
assert aggregations["ranges"]["buckets"][0]["key"] == "*-50.0"
assert aggregations["filters"]["buckets"]["bad"]["doc_count"] == 100
assert aggregations["one"]["who"]["value"] == 7
assert names(told, "hundreds") == [(0.0, 250), (25.0, 250), (50.0, 250), (75.0, 250)]
assert aggregations["stats"]["avg"] == 49.5 and round(aggregations["stats"]["std_deviation"], 3) == 28.866
assert abs(aggregations["percentiles"]["values"]["50.0"] - 49.5) < 1.5
assert abs(aggregations["ranks"]["values"]["50.0"] - 50.5) < 1.5
assert aggregations["none"]["doc_count"] == 1000
assert names(told, "tags") == [("a", 1000), ("b", 500)]
assert aggregations["last"]["hits"]["hits"][0]["_source"] == {"level": "INFO"}
assert aggregations["best"]["top"][0]["metrics"] == {"took_ms": 99}
assert len(aggregations["kinds"]["buckets"]) == 2 and aggregations["kinds"]["buckets"][0]["doc_count"] == 900
assert aggregations["peak"]["value"] == 14850.0
assert 1 <= len(aggregations["auto"]["buckets"]) <= 5
seen, after = [], None
while True:
    composite = {"size": 4, "sources": [{"service": {"terms": {"field": "service"}}}, {"level": {"terms": {"field": "level"}}}]}
    if after:
        composite["after"] = after
    page = client.search(index="shop-*", size=0, aggs={"pages": {"composite": composite}})["aggregations"]["pages"]
    seen += [(bucket["key"]["service"], bucket["key"]["level"], bucket["doc_count"]) for bucket in page["buckets"]]
    after = page.get("after_key")
    if not page["buckets"]:
        break
assert len(seen) == 6 and sum(count for _, _, count in seen) == 1000, seen

# several searches at once, as Grafana sends them
answers = client.msearch(
    searches=[
        {"index": "shop-*", "ignore_unavailable": True},
        {"size": 0, "query": {"bool": {"filter": [{"range": {"@timestamp": {"gte": 1763683200000, "lte": 1763683260000, "format": "epoch_millis"}}}, {"query_string": {"analyze_wildcard": True, "query": "*"}}]}}, "aggs": {"2": {"date_histogram": {"field": "@timestamp", "fixed_interval": "10s", "min_doc_count": 0, "extended_bounds": {"min": 1763683200000, "max": 1763683290000}, "format": "epoch_millis"}}}},
        {"index": "nothing"},
        {"query": {"match_all": {}}},
    ]
)["responses"]
assert len(answers[0]["aggregations"]["2"]["buckets"]) == 10 and answers[1]["status"] == 404, answers

# changing
assert client.index(index="notes", id="1", document={"text": "first", "n": 1})["result"] == "created"
assert client.index(index="notes", id="1", document={"text": "second", "n": 1})["result"] == "updated"
assert client.update(index="notes", id="1", doc={"n": 2})["result"] == "updated"
assert client.get(index="notes", id="1")["_source"] == {"text": "second", "n": 2}
assert client.update(index="notes", id="2", doc={"n": 5}, doc_as_upsert=True)["result"] == "created"
try:
    client.create(index="notes", id="1", document={})
    raise AssertionError("created twice")
except ConflictError:
    pass
try:
    client.update(index="notes", id="9", doc={"n": 5})
    raise AssertionError("updated what is not there")
except NotFoundError as error:
    assert error.body["error"]["type"] == "document_missing_exception", error.body
assert client.delete(index="notes", id="2")["result"] == "deleted"
assert client.delete_by_query(index="shop-*", query={"term": {"level": "ERROR"}})["deleted"] == 100
assert client.count(index="shop-*")["count"] == 900

# a pipeline
client.ingest.put_pipeline(id="web", processors=[{"grok": {"field": "message", "patterns": ["%{IP:client} %{WORD:verb} %{NUMBER:size:int}"]}}, {"lowercase": {"field": "verb"}}, {"set": {"field": "seen", "value": "by {{client}}"}}, {"remove": {"field": "message"}}])
client.index(index="web", id="1", pipeline="web", document={"message": "10.0.0.1 GET 42"})
assert client.get(index="web", id="1")["_source"] == {"client": "10.0.0.1", "verb": "get", "size": 42, "seen": "by 10.0.0.1"}

# a data stream, rolled over
client.indices.put_index_template(name="stream", index_patterns=["events-*"], data_stream={}, priority=200)
client.indices.create_data_stream(name="events-app")
helpers.bulk(client, [{"_op_type": "create", "_index": "events-app", "@timestamp": "2025-11-21T00:00:00Z", "n": n} for n in range(3)])
client.indices.rollover(alias="events-app")
client.index(index="events-app", op_type="create", document={"@timestamp": "2025-11-21T00:00:00Z", "n": 4})
assert client.count(index="events-app")["count"] == 4
assert len(client.indices.get_data_stream(name="events-app")["data_streams"][0]["indices"]) == 2

# what fields there are
caps = client.field_caps(index="shop-*", fields="*")["fields"]
assert caps["took_ms"]["double"]["aggregatable"] and caps["message"]["text"]["searchable"]
assert client.indices.get_mapping(index="shop-*")["shop-2025.11.21"]["mappings"]["properties"]["level"]["type"] == "keyword"

# errors have their types
for query, kind in [({"foo": {}}, "parsing_exception"), ({"query_string": {"query": "("}}, "search_phase_execution_exception"), ({"range": {"@timestamp": {"gte": "soon"}}}, "search_phase_execution_exception"), ({"script": {"script": "1"}}, "illegal_argument_exception")]:
    try:
        client.search(index="shop-*", query=query)
        raise AssertionError(f"{query} was taken")
    except BadRequestError as error:
        assert error.body["error"]["type"] == kind, error.body
try:
    client.search(index="shop-*", from_=9999, size=2)
    raise AssertionError("a window of more than 10,000")
except ApiError as error:
    assert error.status_code == 400 and "Result window is too large" in str(error)
try:
    client.search(index="nothing")
    raise AssertionError("an index that is not there")
except NotFoundError as error:
    assert error.body["error"]["type"] == "index_not_found_exception"
assert any(row["index"] == "notes" for row in client.cat.indices(format="json"))
client.indices.delete(index="notes")
assert not client.indices.exists(index="notes")
print("ok")
