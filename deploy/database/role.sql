-- Run once by the PostgreSQL image, when the database is new. Signet's role may make its schema, and is no superuser.
\set password `cat /run/secrets/database-password`
CREATE ROLE signet LOGIN PASSWORD :'password';
CREATE DATABASE signet OWNER signet;
REVOKE ALL ON DATABASE signet FROM PUBLIC;
