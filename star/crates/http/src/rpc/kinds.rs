//! The table of kinds in the words of the schema.

use star_api::v1;
use star_core::kind::{Answers, COMMON_PROPERTIES, KINDS, Kind, KindSpec, Made, PropertySpec, PropertyType, Segment};

/// All kinds, in the order of their names.
pub(super) fn table() -> Vec<v1::Kind> {
    let mut kinds: Vec<v1::Kind> = KINDS.iter().map(kind).collect();
    kinds.sort_by(|a, b| a.name.cmp(&b.name));
    kinds
}

fn kind(spec: &KindSpec) -> v1::Kind {
    v1::Kind {
        name: spec.name.to_owned(),
        description: spec.about.to_owned(),
        parents: spec.parents.iter().map(Kind::to_string).collect(),
        properties: spec.properties.iter().chain(COMMON_PROPERTIES).map(property).collect(),
        verbs: verbs(spec).into_iter().map(str::to_owned).collect(),
        statuses: statuses(spec).into_iter().map(str::to_owned).collect(),
        ..Default::default()
    }
}

fn property(spec: &PropertySpec) -> v1::KindProperty {
    let form = match spec.form {
        PropertyType::Text => "text".to_owned(),
        PropertyType::Path => "path".to_owned(),
        PropertyType::OneOf(words) => words.join(" | "),
        PropertyType::ReadOnly => "read-only".to_owned(),
    };
    v1::KindProperty { key: spec.key.to_owned(), r#type: form, doc: spec.about.to_owned(), ..Default::default() }
}

/// What a resource of a kind can be asked for; follows from what it may hold and how that is made.
fn verbs(spec: &KindSpec) -> Vec<&'static str> {
    let holds =
        |test: &dyn Fn(&KindSpec) -> bool| KINDS.iter().any(|child| child.parents.contains(&spec.kind) && test(child));
    let mut verbs = vec!["info", "set"];
    let mut when = |holds: bool, more: &[&'static str]| verbs.extend(more.iter().filter(|_| holds));
    when(spec.made != Made::ByStarlane, &["delete"]);
    when(spec.moves(), &["move"]);
    when(holds(&|child| child.made == Made::ByCreate), &["create"]);
    when(holds(&|child| child.made == Made::ByPublishing && child.segment == Segment::Version), &["publish", "tag"]);
    when(holds(&|child| child.made == Made::ByWriting), &["put"]);
    when(spec.segment == Segment::File, &["open"]);
    when(matches!(spec.kind, Kind::App | Kind::Mechtron), &["ask", "tell", "web"]);
    when(spec.kind == Kind::Broadcast, &["broadcast"]);
    verbs
}

fn statuses(spec: &KindSpec) -> Vec<&'static str> {
    match spec.answers {
        // Who acts for itself can fail.
        Answers::Itself => vec!["Ready", "Panic"],
        Answers::Parent => vec!["Ready"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> v1::Kind {
        table().into_iter().find(|kind| kind.name == name).unwrap()
    }

    #[test]
    fn verbs_follow_from_what_a_kind_may_hold() {
        assert_eq!(named("FileSystem").verbs, ["info", "set", "delete", "move", "put"]);
        assert_eq!(named("ArtifactBundleSeries").verbs, ["info", "set", "delete", "move", "publish", "tag"]);
        assert_eq!(named("Artifact").verbs, ["info", "set", "delete", "open"]);
        assert_eq!(named("Mechtron").verbs, ["info", "set", "delete", "move", "ask", "tell", "web"]);
        assert_eq!(named("Root").verbs, ["info", "set", "create"]);
    }

    #[test]
    fn the_table_is_whole_and_sorted() {
        let names: Vec<String> = table().into_iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        assert!(names.is_sorted());
        assert!(named("Space").properties.iter().any(|property| property.key == "routes" && property.r#type == "path"));
    }
}
