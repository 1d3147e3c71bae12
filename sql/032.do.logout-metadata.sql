-- Metadata of clients for logout (OpenID Connect Back-Channel Logout §2.2, Front-Channel Logout §2). A node of the previous release ignores it.
ALTER TABLE clients
  ADD COLUMN backchannel_logout_uri text,
  ADD COLUMN backchannel_logout_session_required boolean NOT NULL DEFAULT false,
  ADD COLUMN frontchannel_logout_uri text,
  ADD COLUMN frontchannel_logout_session_required boolean NOT NULL DEFAULT false;
