//! Tests of what is asked of the store.

use super::*;
