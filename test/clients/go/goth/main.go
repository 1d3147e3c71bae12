// The example of goth, with its OpenID Connect provider alone.
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/openidConnect"
)

func main() {
	// The example sets the key by SESSION_SECRET.
	key := make([]byte, 32)
	rand.Read(key)
	store := sessions.NewCookieStore(key)
	store.Options.HttpOnly = true
	gothic.Store = store

	provider, err := openidConnect.New(
		os.Getenv("CLIENT_ID"),
		os.Getenv("CLIENT_SECRET"),
		os.Getenv("BASE_URL")+"/auth/openid-connect/callback",
		os.Getenv("ISSUER")+"/.well-known/openid-configuration",
		// Without these goth asks for openid alone, and learns neither name nor address.
		"profile", "email",
	)
	if err != nil {
		log.Fatal(err)
	}
	goth.UseProviders(provider)

	// The one person who signs in.
	var user goth.User

	http.HandleFunc("GET /auth/{provider}", func(res http.ResponseWriter, req *http.Request) {
		gothic.BeginAuthHandler(res, req)
	})

	http.HandleFunc("GET /auth/{provider}/callback", func(res http.ResponseWriter, req *http.Request) {
		var err error
		user, err = gothic.CompleteUserAuth(res, req)
		if err != nil {
			res.WriteHeader(http.StatusBadGateway)
			fmt.Fprintln(res, err)
			return
		}
		http.Redirect(res, req, "/me", http.StatusFound)
	})

	http.HandleFunc("GET /me", func(res http.ResponseWriter, req *http.Request) {
		res.Header().Set("Content-Type", "application/json")
		json.NewEncoder(res).Encode(map[string]string{"sub": user.UserID, "name": user.Name, "email": user.Email})
	})

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
