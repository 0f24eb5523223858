//! How a typed value is taken from a tree: what is readable is read, whatever else is wrong.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{
    model::{Finding, Placed, Scalar},
    yaml::{Core, Node, Path},
};

/// A type that a node can be read as.
///
/// A value of another type than the schema asks for reads as none without a finding, since the check against the schema
/// reports it; everything that a schema can't say is added to the findings here.
pub(super) trait Read: Sized {
    /// Reads a node that stands at a path.
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self>;
}

/// A field that a document may leave out, with the place of its value.
#[derive(Debug, Clone)]
pub(super) struct Field<T>(pub(super) Option<Placed<T>>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Field<T> {
    /// The value, where it was given and could be read.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|placed| &placed.value)
    }

    /// The value itself.
    pub(super) fn take(self) -> Option<T> {
        self.0.map(|placed| placed.value)
    }

    /// The value turned into another.
    pub(super) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Option<Placed<U>> {
        self.0.map(|placed| Placed::new(turn(placed.value), placed.place))
    }
}

impl<T: Read> Read for Field<T> {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let value = T::read(node, path, findings)?;
        Some(Self(Some(Placed::new(value, node.place.clone()))))
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl Read for bool {
    fn read(node: &Node, _: &Path<'_>, _: &mut Vec<Finding>) -> Option<Self> {
        match Core::of(node.scalar()?) {
            Core::Boolean(value) => Some(value),
            Core::Integer(_) | Core::Float(_) | Core::Text => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {
        $(impl Read for $type {
            fn read(node: &Node, _: &Path<'_>, _: &mut Vec<Finding>) -> Option<Self> {
                match Core::of(node.scalar()?) {
                    Core::Integer(value) => value.try_into().ok(),
                    Core::Boolean(_) | Core::Float(_) | Core::Text => None,
                }
            }
        })+
    };
}

whole_numbers!(u8, u32, u64, i64);

impl Read for Scalar {
    fn read(node: &Node, _: &Path<'_>, _: &mut Vec<Finding>) -> Option<Self> {
        node.scalar().cloned()
    }
}

impl<T: Read> Read for Vec<Placed<T>> {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let items = node.items()?.iter().enumerate();
        let read = items.filter_map(|(index, item)| {
            let value = T::read(item, &Path::Item(path, index), findings)?;
            Some(Placed::new(value, item.place.clone()))
        });
        Some(read.collect())
    }
}

/// A list as documents write it.
#[derive(Debug, Clone)]
pub(super) struct List<T>(pub(super) Vec<Placed<T>>);

impl<T> List<T> {
    /// The items without their places.
    pub(super) fn values(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|item| item.value)
    }
}

impl<T: Read> Read for List<T> {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        Vec::read(node, path, findings).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let entries = node.entries()?.iter();
        let read = entries.filter_map(|(key, value)| {
            let value = T::read(value, &Path::Field(path, &key.text), findings)?;
            Some((key.text.clone(), value))
        });
        Some(read.collect())
    }
}

/// Declares what a map of a document may hold: a schema with descriptions, and a type whose fields may be missing.
macro_rules! document {
    ($(#[$attribute:meta])* $name:ident {
        $($(#[$field_attribute:meta])* $word:literal $field:ident: $type:ty,)+
    }) => {
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$attribute])*
        pub(super) struct $name {
            $($(#[$field_attribute])* #[schemars(rename = $word, default)]
            pub(super) $field: $crate::manifest::field::Field<$type>,)+
        }

        impl $crate::manifest::field::Read for $name {
            fn read(
                node: &$crate::yaml::Node,
                path: &$crate::yaml::Path<'_>,
                findings: &mut Vec<$crate::model::Finding>,
            ) -> Option<Self> {
                let mut read = Self::default();
                for (key, value) in node.entries()? {
                    let path = $crate::yaml::Path::Field(path, &key.text);
                    match key.text.as_str() {
                        $($word => {
                            let field = $crate::manifest::field::Read::read(value, &path, findings);
                            read.$field = field.unwrap_or_default();
                        })+
                        _ => {}
                    }
                }
                Some(read)
            }
        }
    };
}

/// Declares a scalar with a rule of its own.
macro_rules! scalar {
    ($(#[$attribute:meta])* $name:ident($inner:ty) {
        schema: $schema:tt,
        read: $read:expr,
        wrong: $code:ident, $message:literal, $help:expr,
    }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone)]
        pub(super) struct $name(pub(super) $inner);

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }

        impl $crate::manifest::field::Read for $name {
            fn read(
                node: &$crate::yaml::Node,
                path: &$crate::yaml::Path<'_>,
                findings: &mut Vec<$crate::model::Finding>,
            ) -> Option<Self> {
                let read: fn(&str) -> Option<$inner> = $read;
                let value = read(&node.scalar()?.text);
                if value.is_none() {
                    let message = format!(concat!("`{}` ", $message), path);
                    let code = $crate::model::Code::$code;
                    findings.push($crate::model::Finding::error(code, node.place.clone(), message).with_help($help));
                }
                value.map(Self)
            }
        }
    };
}

/// Declares a closed set of words; a word outside it is reported by the check against the schema.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident($inner:ty) { $($word:literal => $value:expr,)+ }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name(pub(super) $inner);

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }

        impl $crate::manifest::field::Read for $name {
            fn read(
                node: &$crate::yaml::Node,
                _: &$crate::yaml::Path<'_>,
                _: &mut Vec<$crate::model::Finding>,
            ) -> Option<Self> {
                match node.scalar()?.text.as_str() {
                    $($word => Some(Self($value)),)+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use {document, scalar, words};
