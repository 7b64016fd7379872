//! SQL over what is kept, and the open tier of Parquet files.
