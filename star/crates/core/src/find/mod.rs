//! How resources are found without looking at all of them.
//!
//! Beside its record, a resource has rows in the table `a/`: one for each [`Term`] that it can be found
//! by, written in the same batch. The rule that everything here keeps: *a resource that is there has all
//! its rows*. A row too many does no harm, because whoever follows one reads the record and judges by
//! that; so a large tree is removed in one moment and its rows afterwards ([`sweep`]), and a row says
//! nothing but that it is worth looking.
//!
//! [`plan`] chooses by which rows a selector is answered, [`build`] makes the rows of a store that
//! was written before there were any, [`referring`] answers who has a content. The answering is in [`select`](crate::select).

pub(crate) mod build;
pub(crate) mod plan;
pub mod referring;
pub(crate) mod sweep;
pub(crate) mod term;

pub(crate) use term::Term;
