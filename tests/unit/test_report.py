from bench.report import MATCHING, policy_table


def test_each_field_of_the_policy_is_explained_and_the_document_says_the_same_as_the_code() -> None:
    table = policy_table()

    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]

    assert [row[0] for row in rows if not row[1].strip()] == []
    assert len(rows) > 80
    assert table in MATCHING.read_text(encoding="utf-8"), "python -m bench.report writes it anew"
