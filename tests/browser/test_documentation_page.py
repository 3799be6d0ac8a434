"""The page /docs, which shows what /openapi.json says."""

import json

import pytest
from playwright.sync_api import expect

from tests.support.search_page import OpenPage, assert_accessible

pytestmark = pytest.mark.browser


def test_every_operation_is_shown(open_page: OpenPage) -> None:
    """With its fields and an example, whether it takes a form, JSON or nothing; and axe-core finds nothing."""
    page = open_page("/docs").page
    paths = json.loads(page.request.get(page.url.replace("/docs", "/openapi.json")).text())["paths"]
    operations = page.locator("#operations section")
    expect(operations).to_have_count(sum(len(methods) for methods in paths.values()))
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("region", name="post /reindex")).to_contain_text("Fields (application/json)")
    expect(page.get_by_role("region", name="post /reindex")).to_contain_text('"max_attempts": 3')
    expect(page.get_by_role("region", name="post /reindex")).to_contain_text("Key of scope catalogue.")
    expect(page.get_by_role("region", name="post /search")).to_contain_text("Fields (multipart/form-data)")
    expect(page.get_by_role("region", name="post /search")).to_contain_text("Key of scope search, where one is needed.")
    assert_accessible(page)
