"""Authlib's example "flask-google-login", with Signet's discovery document in place of Google's."""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, session, url_for

app = Flask(__name__)
app.secret_key = os.urandom(24)

oauth = OAuth(app)
oauth.register(
    name="signet",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid email profile"},
)


@app.route("/login")
def login():
    return oauth.signet.authorize_redirect(url_for("auth", _external=True))


@app.route("/auth")
def auth():
    token = oauth.signet.authorize_access_token()
    session["user"] = token["userinfo"]
    return redirect("/me")


@app.route("/me")
def me():
    return jsonify(session.get("user"))


@app.route("/logout")
def logout():
    session.pop("user", None)
    return redirect("/me")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
