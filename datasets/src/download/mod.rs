//! Listing, fetching and verifying the files of data sets.
