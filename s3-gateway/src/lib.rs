//! Speaks S3: a bucket is a repository, the first part of the key is a ref.
