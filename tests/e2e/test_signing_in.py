import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_visitor_is_asked_to_sign_in_and_then_sees_the_last_night(page, sign_in):
    page.goto("/")
    assert "/account/login/" in page.url

    sign_in("viewer")

    assert page.get_by_role("heading", level=1).is_visible()
    assert page.locator("nav").first.is_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_is_wider_than_the_screen(page, sign_in, width):
    page.set_viewport_size({"width": width, "height": 800})
    sign_in("admin")

    for path in ("/", "/cells/", "/files/", "/datasets/", "/jobs/", "/account/profile/"):
        page.goto(path)
        overhang = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overhang <= 0, f"{path} is {overhang} px too wide"
