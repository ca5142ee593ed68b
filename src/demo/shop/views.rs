//! How each side shows its data: most of what tells the shops apart is here.

use serde_json::{Value, json};

use super::data::{Customer, Line, Order, Product};
use crate::names::Side;

/// Percent of the net price.
const VAT: u64 = 19;

/// An order.
pub(super) fn order(side: Side, order: &Order) -> Value {
    let mut lines: Vec<&Line> = order.lines.iter().collect();
    if side == Side::New {
        lines.sort_by_key(|line| line.product.sku);
    }
    let mut view = json!({
        "id": order.id,
        "status": order.status,
        "created": order.created,
        "customer_id": order.customer.id,
        "currency": "EUR",
        "items": lines.into_iter().map(|line| item(side, line)).collect::<Vec<_>>(),
        "total": euros(order.cents()),
    });
    if side == Side::New {
        view["channel"] = json!("web");
    }
    view
}

/// The invoice of an order.
pub(super) fn invoice(side: Side, order: &Order) -> Value {
    let net = order.cents();
    let vat = vat(side, net);
    json!({
        "id": order.id,
        "order_id": order.id,
        "currency": "EUR",
        "net": euros(net),
        "vat": euros(vat),
        "gross": euros(net + vat),
    })
}

/// A customer.
pub(super) fn customer(side: Side, customer: &Customer) -> Value {
    let name = match side {
        Side::Legacy => "cust_name",
        Side::New => "name",
    };
    json!({ "id": customer.id, name: customer.name, "city": customer.city })
}

/// A product; only new shows it.
pub(super) fn product(product: &Product) -> Value {
    json!({ "sku": product.sku, "name": product.name, "price": euros(product.cents) })
}

fn item(side: Side, line: &Line) -> Value {
    let product = line.product;
    let price = match side {
        // The new team moved the teas to its own price type first.
        Side::New if product.sku.starts_with("tea-") => json!(product.cents as f64 / 100.0),
        _ => json!(euros(product.cents)),
    };
    json!({ "sku": product.sku, "name": product.name, "quantity": line.quantity, "price": price })
}

/// The tax in cents. Legacy rounds half a cent up, new rounds it to even.
fn vat(side: Side, net: u64) -> u64 {
    let (cents, rest) = (net * VAT / 100, net * VAT % 100);
    let up = match side {
        Side::Legacy => rest >= 50,
        Side::New => rest > 50 || (rest == 50 && cents % 2 == 1),
    };
    cents + u64::from(up)
}

fn euros(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
