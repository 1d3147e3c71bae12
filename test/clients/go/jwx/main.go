// An API that verifies Signet's access tokens as the documentation of jwx shows: a cached JWK Set, and jwt.ParseRequest.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

func main() {
	ctx := context.Background()
	jwksURL := os.Getenv("ISSUER") + "/.well-known/jwks.json"

	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		log.Fatalf("failed to create cache: %s", err)
	}
	if err := cache.Register(ctx, jwksURL); err != nil {
		log.Fatalf("failed to register the JWK Set: %s", err)
	}
	keys, err := cache.CachedSet(jwksURL)
	if err != nil {
		log.Fatalf("failed to get the cached JWK Set: %s", err)
	}

	http.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.ParseRequest(
			r,
			jwt.WithKeySet(keys),
			jwt.WithIssuer(os.Getenv("ISSUER")),
			jwt.WithAudience(os.Getenv("AUDIENCE")),
		)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(token)
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
