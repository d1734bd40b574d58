//! The layers inside crates: which modules may use which. Owns reading a module's uses from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::Visit;

/// The layers of crates, lowest first: a module uses none of a later layer. Modules of one layer may use each other.
const LAYERS: &[(&str, &[&[&str]])] = &[
    ("graveler", &[&["sstable"], &["tree"], &["history"], &["batcher"], &["graveler"], &["staging"], &["ops", "fsck"]]),
    (
        "api-server",
        &[&["publish"], &["commit_queue"], &["flows", "access"], &["jobs"], &["grpc", "rest"], &["api_server"]],
    ),
    ("metadata-server", &[&["state"], &["command", "query"], &["state_machine"], &["raft", "in_memory"], &["server"]]),
];
/// Crates in which no two modules use each other.
const WITHOUT_CIRCLES: &[&str] = &["graveler", "api-server", "metadata-server", "auth", "s3-gateway"];

#[test]
fn modules_use_no_later_layer() {
    for (name, layers) in LAYERS {
        let uses = Uses::of(name);
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        for module in layers.iter().copied().flatten() {
            assert!(uses.modules.contains(*module), "{name} has no module {module}: draw its layers anew");
        }
        for (user, used, file) in &uses.all {
            let is_later = layer(user).zip(layer(used)).is_some_and(|(user, used)| used > user);
            assert!(!is_later, "{name}: {user} may not use {used} ({file})");
        }
    }
}

#[test]
fn no_two_modules_use_each_other() {
    for name in WITHOUT_CIRCLES {
        let uses = Uses::of(name);
        assert!(uses.all.len() > 20, "{name}: {} uses were found", uses.all.len());
        for (user, used, file) in &uses.all {
            let back = uses.all.iter().find(|(other, that, _)| other == used && that == user);
            assert!(back.is_none(), "{name}: {user} uses {used} ({file}), which uses it ({})", back.unwrap().2);
        }
    }
}

/// Which of a crate's modules use which, tests left out.
struct Uses {
    modules: BTreeSet<String>,
    /// User, used, and in which file.
    all: BTreeSet<(String, String, String)>,
}

impl Uses {
    fn of(name: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name).join("src");
        let root = parse(&source.join("lib.rs"));
        let mut modules = BTreeSet::new();
        let mut exported = BTreeMap::new();
        for item in &root.items {
            match item {
                syn::Item::Mod(module) => _ = modules.insert(module.ident.to_string()),
                syn::Item::Use(import) => flatten(&import.tree, &mut Vec::new(), &mut |path| {
                    let path: Vec<_> = path.iter().skip_while(|part| *part == "crate" || *part == "self").collect();
                    if let [module, .., name] = path[..] {
                        exported.insert(name.clone(), module.clone());
                    }
                }),
                _ => {}
            }
        }
        let mut all = BTreeSet::new();
        for file in super::workspace::sources() {
            let Ok(inside) = file.strip_prefix(&source) else { continue };
            let mut place: Vec<String> =
                inside.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if place.iter().any(|part| part == "tests" || part == "testing") || place == ["lib"] {
                continue;
            }
            place.retain(|part| part != "mod");
            let user = place[0].clone();
            let mut paths = Paths { place, all: Vec::new() };
            paths.visit_file(&parse(&file));
            for path in paths.all {
                let used = if modules.contains(&path) { Some(&path) } else { exported.get(&path) };
                if let Some(used) = used.filter(|used| modules.contains(*used) && **used != user) {
                    all.insert((user.clone(), used.clone(), inside.display().to_string()));
                }
            }
        }
        Self { modules, all }
    }
}

fn parse(file: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The first name under the crate's root of each path that begins at the root.
struct Paths {
    /// The module that is read.
    place: Vec<String>,
    all: Vec<String>,
}

impl Paths {
    fn take(&mut self, path: &[String]) {
        let mut path = path;
        let mut place = &self.place[..];
        match path.first().map(String::as_str) {
            Some("crate") => (place, path) = (&[], &path[1..]),
            Some("super") => {
                while let Some(("super", rest)) = path.split_first().map(|(first, rest)| (first.as_str(), rest)) {
                    (place, path) = (&place[..place.len().saturating_sub(1)], rest);
                }
            }
            _ => return,
        }
        if let ([], [first, ..]) = (place, path) {
            self.all.push(first.clone());
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|flag| flag == "test")
        });
        if !is_test {
            self.place.push(module.ident.to_string());
            syn::visit::visit_item_mod(self, module);
            self.place.pop();
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        flatten(&import.tree, &mut Vec::new(), &mut |path| self.take(path));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.take(&parts);
        syn::visit::visit_path(self, path);
    }
}

/// Calls a function with each path that a `use` names.
fn flatten(tree: &syn::UseTree, path: &mut Vec<String>, each: &mut impl FnMut(&[String])) {
    match tree {
        syn::UseTree::Path(part) => {
            path.push(part.ident.to_string());
            flatten(&part.tree, path, each);
            path.pop();
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, each)),
        syn::UseTree::Name(name) => end(path, name.ident.to_string(), each),
        syn::UseTree::Rename(name) => end(path, name.ident.to_string(), each),
        syn::UseTree::Glob(_) => end(path, "*".to_owned(), each),
    }
}

fn end(path: &mut Vec<String>, name: String, each: &mut impl FnMut(&[String])) {
    path.push(name);
    each(path);
    path.pop();
}
