"""An API that verifies Signet's access tokens as PyJWT's page "Retrieve RSA signing keys from a JWKS endpoint" shows."""

import os

import jwt
from flask import Flask, jsonify, request
from jwt import PyJWKClient

app = Flask(__name__)
jwks_client = PyJWKClient(os.environ["ISSUER"] + "/.well-known/jwks.json")


@app.route("/api")
def api():
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        signing_key = jwks_client.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, signing_key, audience=os.environ["AUDIENCE"], issuer=os.environ["ISSUER"], algorithms=["RS256"])
    except jwt.PyJWTError as error:
        return jsonify({"error": str(error)}), 401
    return jsonify(claims)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
