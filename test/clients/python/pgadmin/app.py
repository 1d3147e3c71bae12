"""Starts pgAdmin with config_local.py, and adds the button of its sign-in page as a plain form and a page that shows its user."""

import os

os.environ["PGADMIN_SETUP_EMAIL"] = "administrator@example.com"
os.environ["PGADMIN_SETUP_PASSWORD"] = os.urandom(16).hex()

from pgadmin4.pgAdmin4 import app, main  # noqa: E402

from flask import jsonify  # noqa: E402
from flask_security import current_user  # noqa: E402
from flask_wtf.csrf import generate_csrf  # noqa: E402
from pgadmin.utils.csrf import pgCSRFProtect  # noqa: E402


@app.route("/sign-in")
@pgCSRFProtect.exempt
def sign_in():
    return f"""<form method="post" action="/authenticate/login">
<input type="hidden" name="csrf_token" value="{generate_csrf()}">
<input type="hidden" name="oauth2_button" value="signet">
<button>Sign in with Signet</button>
</form>"""


@app.route("/me")
@pgCSRFProtect.exempt
def me():
    if not current_user.is_authenticated:
        return jsonify({})
    return jsonify({"email": current_user.email, "username": current_user.username})


main()
