//! Which files hold the routes that are meant, and their new texts.

use std::fmt;
use std::path::PathBuf;

use crate::config::diagnostic::nearest;
use crate::config::edit::{EditError, KeyPath, Overlay, RouteAt, Sheet, Target, Value};
use crate::config::{Bundle, Disk, Source as _};

/// Another text for a file.
pub(super) struct Edit {
    pub(super) path: PathBuf,
    pub(super) before: String,
    pub(super) after: String,
}

/// Everything that one `set` changes.
pub(super) struct Edits {
    /// The files whose text is another; empty where the value is there already.
    pub(super) list: Vec<Edit>,
    /// The routes that are meant.
    pub(super) routes: Vec<String>,
    /// The routes of the group that do not have the key and are left as they are.
    pub(super) left: Vec<String>,
}

/// Why nothing can be edited.
pub(super) enum NoEdit {
    /// No route or group has this name; maybe this one was meant.
    NotFound(Target, Option<String>),
    /// The text of this file does not allow it.
    Refused(PathBuf, EditError),
    /// The key is inherited whole, so a part of it cannot be set.
    Inherited(String, String),
}

impl fmt::Display for NoEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoEdit::NotFound(target, near) => {
                write!(f, "there is no {target}")?;
                near.iter().try_for_each(|near| write!(f, "; did you mean `{near}`?"))
            }
            NoEdit::Refused(path, error) => match error.place {
                Some((line, col)) => write!(f, "{}:{line}:{col}: {error}", path.display()),
                None => write!(f, "{}: {error}", path.display()),
            },
            NoEdit::Inherited(route, key) => write!(
                f,
                "{route} takes `{key}` from `defaults:`, and a value of its own replaces that whole: set `{key}` whole"
            ),
        }
    }
}

impl Edits {
    /// Looks for the routes in all files of a configuration, and sets the key in each.
    pub(super) fn make(bundle: &Bundle, target: &Target, path: &KeyPath, value: &Value) -> Result<Edits, NoEdit> {
        let mut sheets = Vec::new();
        for (file, text) in bundle.yaml() {
            let sheet = Sheet::parse(text).map_err(|error| NoEdit::Refused(file.to_path_buf(), error))?;
            sheets.push((file.to_path_buf(), text, sheet));
        }
        let variable = |name: &str| Disk.env(name);
        let found: Vec<Vec<RouteAt>> =
            sheets.iter().map(|(_, _, sheet)| sheet.routes(target, path, &variable)).collect();
        let all = || found.iter().flatten();
        if all().next().is_none() {
            let names = sheets.iter().flat_map(|(_, _, sheet)| sheet.names());
            let near = match target {
                Target::Route(name) => nearest(name, names).map(str::to_owned),
                Target::Group(_) => None,
            };
            return Err(NoEdit::NotFound(target.clone(), near));
        }
        let some_have_it = all().any(|route| route.has_key);
        let is_left = |route: &RouteAt| some_have_it && !route.has_key;
        check_inherited(&sheets, all().filter(|route| !is_left(route)), path)?;
        let mut edits = Edits { list: Vec::new(), routes: Vec::new(), left: Vec::new() };
        edits.left.extend(all().filter(|route| is_left(route)).map(|route| route.name.clone()));
        edits.routes.extend(all().filter(|route| !is_left(route)).map(|route| route.name.clone()));
        for ((file, text, sheet), mut routes) in sheets.into_iter().zip(found) {
            routes.retain(|route| !is_left(route));
            if routes.is_empty() {
                continue;
            }
            let after = sheet.set(&routes, path, value).map_err(|error| NoEdit::Refused(file.clone(), error))?;
            edits.list.extend(after.map(|after| Edit { path: file, before: text.to_owned(), after }));
        }
        Ok(edits)
    }

    /// The disk as it would be.
    pub(super) fn overlay(&self) -> Overlay<'static, Disk> {
        Overlay::new(&Disk, self.list.iter().map(|edit| (edit.path.clone(), edit.after.clone())))
    }
}

/// A part of a key that the route has from `defaults:` would replace the whole of it.
fn check_inherited<'r>(
    sheets: &[(PathBuf, &str, Sheet<'_>)],
    routes: impl Iterator<Item = &'r RouteAt>,
    path: &KeyPath,
) -> Result<(), NoEdit> {
    let (key, has_more) = path.first();
    let is_default = has_more && sheets.first().is_some_and(|(_, _, main)| main.has_default(key));
    for route in routes.filter(|_| is_default) {
        if !route.has_first {
            return Err(NoEdit::Inherited(route.name.clone(), key.to_owned()));
        }
    }
    Ok(())
}
