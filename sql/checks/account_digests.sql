-- account_digests: pseudonyms that are the head or the tail of the digest of a listed account id
-- grain: one row
-- inputs: persons_seen, digest_numbers
-- parameters: none
SELECT count(*) AS pseudonym_no_account_digest
FROM persons_seen
SEMI JOIN digest_numbers ON digest_numbers.number = persons_seen.pseudonym
