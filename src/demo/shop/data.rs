//! What the shops sell and to whom: the same at every start.

/// Something that is sold.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    /// The net price in cents.
    pub(super) cents: u64,
}

/// Somebody who buys.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) city: &'static str,
}

/// So many of a product.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) product: &'static Product,
    pub(super) quantity: u64,
}

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) customer: &'static Customer,
    pub(super) status: &'static str,
    pub(super) created: String,
    /// In the order in which they were entered.
    pub(super) lines: Vec<Line>,
}

impl Order {
    /// The net total in cents.
    pub(super) fn cents(&self) -> u64 {
        self.lines.iter().map(|line| line.quantity * line.product.cents).sum()
    }
}

/// The products.
pub(super) const PRODUCTS: [Product; 8] = [
    Product { sku: "tea-earl-grey", name: "Earl Grey, 100 g", cents: 450 },
    Product { sku: "tea-sencha", name: "Sencha, 100 g", cents: 780 },
    Product { sku: "coffee-yirgacheffe", name: "Yirgacheffe, 250 g", cents: 1190 },
    Product { sku: "cup-blue", name: "Cup, blue", cents: 699 },
    Product { sku: "cup-white", name: "Cup, white", cents: 645 },
    Product { sku: "kettle", name: "Kettle, 1.7 l", cents: 3495 },
    Product { sku: "filter-paper", name: "Filter paper, 40 sheets", cents: 289 },
    Product { sku: "biscuits", name: "Biscuits, 200 g", cents: 333 },
];

/// The customers.
pub(super) const CUSTOMERS: [Customer; 6] = [
    Customer { id: 1, name: "Ada Lovelace", city: "London" },
    Customer { id: 2, name: "Grace Hopper", city: "Arlington" },
    Customer { id: 3, name: "Alan Turing", city: "Wilmslow" },
    Customer { id: 4, name: "Zuse & Söhne", city: "Hünfeld" },
    Customer { id: 5, name: "Hedy Lamarr", city: "Wien" },
    Customer { id: 6, name: "Radia Perlman", city: "Portsmouth" },
];

/// How many orders there are at the start.
pub(super) const ORDERS: u64 = 40;

/// The orders at the start, numbered from 1.
pub(super) fn orders() -> Vec<Order> {
    (1..=ORDERS).map(order).collect()
}

/// The product with this stock-keeping unit.
pub(super) fn product(sku: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.sku == sku)
}

/// The customer with this id.
pub(super) fn customer(id: u64) -> Option<&'static Customer> {
    CUSTOMERS.iter().find(|customer| customer.id == id)
}

/// One order of the start. The steps are coprime to the lengths, so that neighbours look different.
fn order(id: u64) -> Order {
    let lines = (0..1 + id % 3)
        .map(|line| Line { product: pick(&PRODUCTS, id * 7 + line * 3), quantity: 1 + (id + line) % 4 })
        .collect();
    Order {
        id,
        customer: pick(&CUSTOMERS, id * 5),
        status: ["open", "shipped", "paid"][(id * 2 % 3) as usize],
        created: format!("2026-03-{:02}T{:02}:{:02}:00Z", 1 + id % 28, 8 + id % 10, id * 7 % 60),
        lines,
    }
}

fn pick<T>(from: &[T], at: u64) -> &T {
    // A remainder of a length fits where the length came from.
    &from[(at % from.len() as u64) as usize]
}
