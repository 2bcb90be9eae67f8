def test_health(client, db):
    assert client.get("/healthz").status_code == 200
