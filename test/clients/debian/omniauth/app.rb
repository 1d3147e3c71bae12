# A Sinatra application with omniauth_openid_connect, as its README configures it, with discovery.
require "json"
require "sinatra/base"
require "omniauth"
require "omniauth_openid_connect"

# Discovery insists on https. The issuer of this trial has none.
SWD.url_builder = URI::HTTP

class App < Sinatra::Base
  set :bind, "127.0.0.1"
  set :port, ENV.fetch("PORT")
  set :server, "webrick"

  use Rack::Session::Cookie, secret: SecureRandom.hex(32)
  use OmniAuth::Builder do
    provider :openid_connect, {
      name: :my_provider,
      issuer: ENV.fetch("ISSUER"),
      discovery: true,
      scope: [:openid, :email, :profile],
      response_type: :code,
      client_options: {
        identifier: ENV.fetch("CLIENT_ID"),
        secret: ENV.fetch("CLIENT_SECRET"),
        redirect_uri: "#{ENV.fetch("BASE_URL")}/auth/my_provider/callback",
      },
    }
  end

  # The form of OmniAuth's README.
  get "/login" do
    <<~HTML
      <form method="post" action="/auth/my_provider">
        <input type="hidden" name="authenticity_token" value="#{Rack::Protection::AuthenticityToken.token(env["rack.session"])}">
        <button type="submit">Sign in with Signet</button>
      </form>
    HTML
  end

  get "/auth/my_provider/callback" do
    auth = request.env["omniauth.auth"]
    session[:user] = { sub: auth.uid, name: auth.info.name, email: auth.info.email }
    redirect "/me"
  end

  get "/auth/failure" do
    halt 403, params["message"].to_s
  end

  get "/me" do
    content_type :json
    session[:user].to_json
  end
end

App.run!
