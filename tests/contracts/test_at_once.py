"""What a login takes once is taken by whoever answers: the loop of a worker, or the thread that it leaves it to."""

from tests.support.app import App, AsServed, Visitor, answer_of, attempt_of


def test_a_person_with_a_session_logs_in_again(app: App) -> None:
    visitor: Visitor = app.visitor()
    visitor.code()

    again = visitor.log_in(visitor.authorize(prompt="login"))

    assert isinstance(app.wsgi, AsServed), "otherwise no loop has seen it"
    assert visitor.redeem(answer_of(again)["code"]).status_code == 200


def test_a_double_click_gets_one_code(app: App) -> None:
    visitor: Visitor = app.visitor()
    visitor.code()
    attempt = attempt_of(begun := visitor.authorize(prompt="login"))
    assert visitor.log_in(begun).status_code == 303

    assert visitor.get("/authorize", query_string={"attempt": attempt}).status_code == 400
