-- Claims that requests ask for one by one (OpenID Connect Core §5.5). The defaults are for everything that exists, and for the rows of the previous release,
-- which knows no claims: its grants have none, and when it adds to a consent, it leaves the claims as they are.

-- What a grant may see beyond its scopes, for each place separately. Names of claims.
ALTER TABLE grants
  ADD COLUMN userinfo_claims text[] NOT NULL DEFAULT '{}',
  ADD COLUMN id_token_claims text[] NOT NULL DEFAULT '{}';

-- What a person has allowed beyond the scopes. The scope `email` includes the claim `email`; the claim does not include the scope.
ALTER TABLE consents ADD COLUMN claims text[] NOT NULL DEFAULT '{}';
