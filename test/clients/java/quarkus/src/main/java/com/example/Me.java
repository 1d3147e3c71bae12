package com.example;

import io.quarkus.oidc.IdToken;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import java.util.Map;
import org.eclipse.microprofile.jwt.JsonWebToken;

/** The resource of Quarkus' guide: it reads the ID token of the person who has signed in. */
@Path("/me")
public class Me {

    @Inject
    @IdToken
    JsonWebToken idToken;

    @GET
    public Map<String, String> me() {
        return Map.of(
                "sub", idToken.getSubject(),
                "name", idToken.getClaim("name"),
                "email", idToken.getClaim("email"));
    }
}
