"""The "real world example" of requests-oauthlib, with Signet's endpoints in place of GitHub's, the scopes of its Google example, and PKCE."""

import os

from flask import Flask, jsonify, redirect, request, session, url_for
from requests_oauthlib import OAuth2Session

app = Flask(__name__)
app.secret_key = os.urandom(24)

client_id = os.environ["CLIENT_ID"]
client_secret = os.environ["CLIENT_SECRET"]
authorization_base_url = os.environ["ISSUER"] + "/authorize"
token_url = os.environ["ISSUER"] + "/token"
redirect_uri = os.environ["BASE_URL"] + "/callback"
scope = ["openid", "email", "profile"]

# oauthlib refuses plain http otherwise.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


@app.route("/login")
def login():
    signet = OAuth2Session(client_id, scope=scope, redirect_uri=redirect_uri, pkce="S256")
    authorization_url, state = signet.authorization_url(authorization_base_url)
    session["oauth_state"] = state
    session["oauth_verifier"] = signet._code_verifier
    return redirect(authorization_url)


@app.route("/callback")
def callback():
    signet = OAuth2Session(client_id, redirect_uri=redirect_uri, state=session["oauth_state"])
    token = signet.fetch_token(
        token_url,
        client_secret=client_secret,
        authorization_response=request.url,
        code_verifier=session["oauth_verifier"],
    )
    session["oauth_token"] = token
    return redirect(url_for(".me"))


@app.route("/me")
def me():
    signet = OAuth2Session(client_id, token=session["oauth_token"])
    return jsonify(signet.get(os.environ["ISSUER"] + "/userinfo").json())


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
