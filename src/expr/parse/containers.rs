//! Lists, maps, and messages, which are read to be refused in words.

use super::{Parsed, Parser, qualified_name};
use crate::expr::ast::{Expr, Item, Kind, Member};

impl Parser<'_> {
    pub(super) fn list(&mut self) -> Parsed {
        let start = self.expect("[")?;
        let mut items = Vec::new();
        while !self.sees("]") {
            let optional = self.skip("?");
            items.push(Item { value: self.expression()?, optional });
            if !self.skip(",") {
                break;
            }
        }
        let end = self.expect("]")?;
        self.node(Kind::List(items), start.to(end))
    }

    pub(super) fn map(&mut self) -> Parsed {
        let start = self.expect("{")?;
        let mut members = Vec::new();
        while !self.sees("}") {
            let optional = self.skip("?");
            let key = self.expression()?;
            self.expect(":")?;
            members.push(Member { key, value: self.expression()?, optional });
            if !self.skip(",") {
                break;
            }
        }
        let end = self.expect("}")?;
        self.node(Kind::Map(members), start.to(end))
    }

    pub(super) fn message(&mut self, name: &Expr) -> Parsed {
        let text = qualified_name(name).unwrap_or_default();
        self.expect("{")?;
        while !self.sees("}") {
            self.skip("?");
            self.field_name()?;
            self.expect(":")?;
            self.expression()?;
            if !self.skip(",") {
                break;
            }
        }
        let end = self.expect("}")?;
        self.node(Kind::Message(text), name.span.to(end))
    }
}
