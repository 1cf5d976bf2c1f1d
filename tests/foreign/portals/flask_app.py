"""A portal on Flask; a name on the last page says who is logged in."""

# ruff: noqa: F821 - the names of the configuration
import os

from flask import Flask, redirect, request, session

app = Flask(__name__)
app.secret_key = "a key of the test"
app.config["SERVER_NAME"] = f"localhost:{os.environ['PORT']}"


def logged_in(person):
    session["name"] = person["name"]
    return redirect("/me")


@app.get("/me")
def me():
    return f"<main data-page='me'>{session['name']}</main>"


# CONFIGURATION


if "begin" in globals():

    @app.get("/login")
    def login():
        return redirect(begin(session))

    @app.get("/callback")
    def callback():
        return logged_in(end(session, request.url))


if "oidc" in globals():
    app.add_url_rule("/private", "private", oidc.require_login(lambda: logged_in(session["oidc_auth_profile"])))

if "auth" in globals():
    from flask_pyoidc.user_session import UserSession

    def guarded():
        return logged_in(UserSession(session).userinfo)

    app.add_url_rule("/login", "login", auth.oidc_auth("bhxh")(guarded))

app.run(port=int(os.environ["PORT"]), threaded=True)
