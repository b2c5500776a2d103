//! What readers ask, and how they are answered.
//!
//! | module | is |
//! |---|---|
//! | `reply` | whom an answer is given to |
//! | `reader` | finds values: one alone, or several as they are at one moment |
//! | `query` | what is asked: a name and its arguments |
//! | `answer` | what answers a query |
//! | `table` | which function answers which query |
//! | `fault` | a read that panics, for tests |
//! | `kind` | types of values, as readers name them |
//! | the others | a family of reads each |

pub(crate) mod answer;
pub(crate) mod array;
pub(crate) mod bag;
pub(crate) mod fault;
pub(crate) mod gcra;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod key;
pub(crate) mod kind;
pub(crate) mod list;
pub(crate) mod object;
pub(crate) mod path_hash;
pub(crate) mod query;
pub(crate) mod reader;
pub(crate) mod reply;
pub(crate) mod set;
pub(crate) mod sort;
pub(crate) mod stream;
pub(crate) mod stream_full;
pub(crate) mod stream_info;
pub(crate) mod string;
pub(crate) mod table;
pub(crate) mod vectorset;
pub(crate) mod whole;
pub(crate) mod zset;
