import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.AuthorizationCode;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.AuthenticationResponse;
import com.nimbusds.openid.connect.sdk.AuthenticationResponseParser;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.claims.IDTokenClaimsSet;
import com.nimbusds.openid.connect.sdk.claims.UserInfo;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;

/** The examples of the SDK's guide: an authentication request, a token request, validation of the ID token, userinfo. */
public class App {

    interface Page {
        void answer(HttpExchange exchange) throws Exception;
    }

    // Of the one person who signs in.
    static State state;
    static Nonce nonce;
    static String user = "{}";

    public static void main(String[] args) throws Exception {
        OIDCProviderMetadata op = OIDCProviderMetadata.resolve(new Issuer(System.getenv("ISSUER")));
        ClientID clientID = new ClientID(System.getenv("CLIENT_ID"));
        Secret clientSecret = new Secret(System.getenv("CLIENT_SECRET"));
        URI callback = new URI(System.getenv("BASE_URL") + "/callback");

        HttpServer server = HttpServer.create(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(System.getenv("PORT"))), 0);

        page(server, "/login", exchange -> {
            state = new State();
            nonce = new Nonce();
            AuthenticationRequest request = new AuthenticationRequest.Builder(
                            new ResponseType("code"), new Scope("openid", "profile", "email"), clientID, callback)
                    .endpointURI(op.getAuthorizationEndpointURI())
                    .state(state)
                    .nonce(nonce)
                    .build();
            redirect(exchange, request.toURI());
        });

        page(server, "/callback", exchange -> {
            AuthenticationResponse response = AuthenticationResponseParser.parse(callback.resolve(exchange.getRequestURI()));
            if (!state.equals(response.getState())) throw new Exception("Unexpected authentication response");
            if (!response.indicatesSuccess())
                throw new Exception(response.toErrorResponse().getErrorObject().toString());
            AuthorizationCode code = response.toSuccessResponse().getAuthorizationCode();

            AuthorizationGrant codeGrant = new AuthorizationCodeGrant(code, callback);
            ClientAuthentication clientAuth = new ClientSecretBasic(clientID, clientSecret);
            TokenRequest request = new TokenRequest(op.getTokenEndpointURI(), clientAuth, codeGrant);
            TokenResponse tokenResponse = OIDCTokenResponseParser.parse(request.toHTTPRequest().send());
            if (!tokenResponse.indicatesSuccess())
                throw new Exception(tokenResponse.toErrorResponse().getErrorObject().toString());
            OIDCTokenResponse tokens = (OIDCTokenResponse) tokenResponse.toSuccessResponse();

            IDTokenValidator validator = new IDTokenValidator(
                    op.getIssuer(), clientID, JWSAlgorithm.RS256, op.getJWKSetURI().toURL());
            IDTokenClaimsSet claims = validator.validate(tokens.getOIDCTokens().getIDToken(), nonce);

            UserInfoResponse userInfoResponse = UserInfoResponse.parse(
                    new UserInfoRequest(op.getUserInfoEndpointURI(), tokens.getOIDCTokens().getBearerAccessToken())
                            .toHTTPRequest()
                            .send());
            if (!userInfoResponse.indicatesSuccess())
                throw new Exception(userInfoResponse.toErrorResponse().getErrorObject().toString());
            UserInfo userInfo = userInfoResponse.toSuccessResponse().getUserInfo();
            if (!userInfo.getSubject().equals(claims.getSubject())) throw new Exception("Userinfo of somebody else");
            user = userInfo.toJSONString();
            redirect(exchange, new URI("/me"));
        });

        page(server, "/me", exchange -> reply(exchange, 200, user));
        server.start();
    }

    static void page(HttpServer server, String path, Page page) {
        server.createContext(path, exchange -> {
            try {
                page.answer(exchange);
            } catch (Exception e) {
                reply(exchange, 502, e.toString());
            }
        });
    }

    static void redirect(HttpExchange exchange, URI location) throws IOException {
        exchange.getResponseHeaders().set("Location", location.toString());
        reply(exchange, 302, "");
    }

    static void reply(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes("UTF-8");
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
