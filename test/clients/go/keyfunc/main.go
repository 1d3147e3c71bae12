// An API that verifies Signet's access tokens as the README of keyfunc shows.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	k, err := keyfunc.NewDefault([]string{os.Getenv("ISSUER") + "/.well-known/jwks.json"})
	if err != nil {
		log.Fatalf("Failed to create a keyfunc.Keyfunc from the server's URL.\nError: %s", err)
	}

	http.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, err := jwt.Parse(
			bearer,
			k.Keyfunc,
			jwt.WithValidMethods([]string{"ES256", "RS256"}),
			jwt.WithIssuer(os.Getenv("ISSUER")),
			jwt.WithAudience(os.Getenv("AUDIENCE")),
			jwt.WithExpirationRequired(),
		)
		if err == nil && token.Header["typ"] != "at+jwt" {
			err = jwt.ErrTokenUnverifiable
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(token.Claims)
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
