//! An API that verifies Signet's access tokens with jsonwebtoken, as its documentation shows it for a JWK Set.

use std::collections::HashMap;
use std::env::var;
use std::error::Error;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use tiny_http::{Response, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let issuer = var("ISSUER")?;
    let audience = var("AUDIENCE")?;
    let jwks: JwkSet = ureq::get(format!("{issuer}/.well-known/jwks.json")).call()?.body_mut().read_json()?;

    let verify = |token: &str| -> Result<HashMap<String, Value>, Box<dyn Error>> {
        let header = decode_header(token)?;
        let kid = header.kid.ok_or("Token doesn't have a `kid` header field")?;
        let jwk = jwks.find(&kid).ok_or("No matching JWK found for the given kid")?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[&audience]);
        validation.set_issuer(&[&issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Ok(decode(token, &DecodingKey::from_jwk(jwk)?, &validation)?.claims)
    };

    let server = Server::http(format!("127.0.0.1:{}", var("PORT")?)).map_err(|error| error as Box<dyn Error>)?;
    for request in server.incoming_requests() {
        let authorization = request.headers().iter().find(|header| header.field.equiv("Authorization"));
        let token = authorization.and_then(|header| header.value.as_str().strip_prefix("Bearer "));
        match verify(token.unwrap_or_default()) {
            Ok(claims) => request.respond(Response::from_string(serde_json::to_string(&claims)?))?,
            Err(error) => request.respond(Response::from_string(error.to_string()).with_status_code(401))?,
        }
    }
    Ok(())
}
