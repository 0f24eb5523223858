//! Lockstep keeps connector containers in lockstep with Git.
//!
//! It watches a git repository or a directory of YAML instance manifests, validates each against the JSON Schema of its
//! connector in the platform's catalog, opens its age-encrypted secrets, compares what is wanted with what runs, changes
//! only what differs, and tells the platform (OpenCTI or OpenAEV) where every instance stands.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | contract | one connector's entry in a catalog: slug, image, kind, JSON Schema of its configuration |
//! | catalog | a set of contracts, as the platform publishes it |
//! | instance | one deployment of a contract, declared by one manifest; its name is unique |
//! | revision | a git commit, or the content hash of a directory |
//! | desired state | what one revision wants, complete, with secrets sealed until used |
//! | observed state | the containers that carry our owner label, and nothing else |
//! | plan | the ordered steps from observed to desired, each with its reasons |
//! | held | an instance that gets no step, because its manifest, secret or contract is broken |
//! | engine | what runs containers |
//! | pass | one walk through the whole pipeline, from a fresh snapshot |
//!
//! # Flow
//!
//! ```text
//! Source::snapshot()  -> Snapshot { revision, files }       git or directory; bounded, no symlink leaves the root
//! manifest::read      -> Reading { manifests, findings }    never fails; every finding has file, line, column
//! desired::assemble   -> DesiredState { wanted, complete }  with the catalog's contracts; secrets still sealed
//! Engine::observe     -> Observed { containers }
//! managed::overlay    -> DesiredState                       with what platforms keep of instances they have us manage
//! plan::diff          -> Plan { steps, untouched, held }    pure; the same value is shown and applied
//! Engine::apply(step) -> Outcome
//! report::of          -> StatusReport -> Platform
//! ```
//!
//! # Modules
//!
//! `model` to `report` are the core: values in, values out, no I/O, clock, environment, global or async. What it does with
//! every manifest for itself, rayon spreads over the processors. The others are the shells. A module may use those named
//! behind it and no others; a test walks `src/` and fails on any other arrow.
//!
//! ```text
//! model
//! durable
//! yaml       -> model
//! manifest   -> model yaml
//! catalog    -> model manifest
//! secrets    -> model yaml
//! import     -> model yaml manifest catalog secrets
//! desired    -> model manifest catalog secrets
//! export     -> model manifest desired
//! plan       -> model manifest desired
//! managed    -> model manifest catalog secrets desired plan
//! report     -> model manifest desired plan
//! source     -> model durable
//! engine     -> model durable manifest desired plan
//! platform   -> model report
//! history    -> model plan
//! settings   -> model yaml managed source engine platform
//! telemetry  -> model
//! reconcile  -> model durable manifest catalog secrets desired plan managed report source engine platform history telemetry
//! cli        -> everything
//! ```

pub mod catalog;
pub mod cli;
pub mod desired;
pub mod durable;
pub mod engine;
pub mod export;
pub mod history;
pub mod import;
pub mod managed;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod platform;
pub mod reconcile;
pub mod report;
pub mod secrets;
pub mod settings;
pub mod source;
pub mod telemetry;
pub mod yaml;
