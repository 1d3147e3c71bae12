//! "Getting started" of openidconnect-rs with its blocking HTTP client, and a page that shows the claims.

use std::collections::HashMap;
use std::env::var;
use std::error::Error;

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::reqwest;
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let base_url = var("BASE_URL")?;
    let http_client = reqwest::blocking::ClientBuilder::new()
        // Following redirects opens the client up to SSRF vulnerabilities.
        .redirect(reqwest::redirect::Policy::none())
        .build()?;

    // Use OpenID Connect Discovery to fetch the provider metadata.
    let provider_metadata = CoreProviderMetadata::discover(&IssuerUrl::new(var("ISSUER")?)?, &http_client)?;

    let client = CoreClient::from_provider_metadata(
        provider_metadata,
        ClientId::new(var("CLIENT_ID")?),
        Some(ClientSecret::new(var("CLIENT_SECRET")?)),
    )
    // Set the URL the user will be redirected to after the authorization process.
    .set_redirect_uri(RedirectUrl::new(format!("{base_url}/callback"))?);

    let login = || {
        // Generate a PKCE challenge.
        let (pkce_challenge, pkce_verifier) = PkceCodeChallenge::new_random_sha256();
        // Generate the full authorization URL.
        let (auth_url, csrf_token, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            // Set the desired scopes.
            .add_scope(Scope::new("profile".to_string()))
            .add_scope(Scope::new("email".to_string()))
            // Set the PKCE code challenge.
            .set_pkce_challenge(pkce_challenge)
            .url();
        (auth_url, (pkce_verifier, csrf_token, nonce))
    };

    let callback = |url: Url, (pkce_verifier, csrf_token, nonce): Pending| -> Result<Value, Box<dyn Error>> {
        let mut params: HashMap<_, _> = url.query_pairs().into_owned().collect();
        if params.get("state") != Some(csrf_token.secret()) {
            return Err("The state does not match".into());
        }
        let code = params.remove("code").ok_or_else(|| format!("{params:?}"))?;

        // Now you can exchange it for an access token and ID token.
        let token_response = client
            .exchange_code(AuthorizationCode::new(code))?
            // Set the PKCE code verifier.
            .set_pkce_verifier(pkce_verifier)
            .request(&http_client)?;

        // Extract the ID token claims after verifying its authenticity and nonce.
        let id_token = token_response.id_token().ok_or("Server did not return an ID token")?;
        let id_token_verifier = client.id_token_verifier();
        let claims = id_token.claims(&id_token_verifier, &nonce)?;

        // Verify the access token hash to ensure that the access token hasn't been substituted for another user's.
        if let Some(expected_access_token_hash) = claims.access_token_hash() {
            let actual_access_token_hash = AccessTokenHash::from_token(
                token_response.access_token(),
                id_token.signing_alg()?,
                id_token.signing_key(&id_token_verifier)?,
            )?;
            if actual_access_token_hash != *expected_access_token_hash {
                return Err("Invalid access token".into());
            }
        }

        // If available, we can use the user info endpoint to request additional information.
        let userinfo: CoreUserInfoClaims =
            client.user_info(token_response.access_token().to_owned(), None)?.request(&http_client)?;
        if userinfo.subject() != claims.subject() {
            return Err("Userinfo is about somebody else".into());
        }

        Ok(json!({
            "sub": claims.subject().as_str(),
            "name": claims.name().and_then(|name| name.get(None)).map(|name| name.as_str()),
            "email": claims.email().map(|email| email.as_str()),
        }))
    };

    // The one person who signs in.
    let mut pending: Option<Pending> = None;
    let mut user = Value::Null;

    let server = Server::http(format!("127.0.0.1:{}", var("PORT")?)).map_err(|error| error as Box<dyn Error>)?;
    for request in server.incoming_requests() {
        let url = Url::parse(&base_url)?.join(request.url())?;
        match url.path() {
            "/login" => {
                let (auth_url, kept) = login();
                pending = Some(kept);
                redirect(request, auth_url.as_str())?;
            }
            "/callback" => match pending.take().ok_or("Nobody is signing in".into()).and_then(|kept| callback(url, kept)) {
                Ok(claims) => {
                    user = claims;
                    redirect(request, "/me")?;
                }
                Err(error) => request.respond(Response::from_string(format!("{error:?}")).with_status_code(502))?,
            },
            "/me" => request.respond(Response::from_string(user.to_string()))?,
            _ => request.respond(Response::empty(404))?,
        }
    }
    Ok(())
}

type Pending = (PkceCodeVerifier, CsrfToken, Nonce);

fn redirect(request: Request, location: &str) -> Result<(), Box<dyn Error>> {
    let header = Header::from_bytes("Location", location).map_err(|()| "a bad Location")?;
    Ok(request.respond(Response::empty(302).with_header(header))?)
}
