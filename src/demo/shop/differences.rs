//! The known differences between the shops, as data.

/// One known difference between the shops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Where it shows.
    pub place: &'static str,
    /// How legacy does it.
    pub legacy: &'static str,
    /// How new does it.
    pub new: &'static str,
}

/// Every difference between the shops; a test shows each of them.
pub const DIFFERENCES: [Difference; 8] = [
    Difference {
        place: "path of orders",
        legacy: "`/orders`",
        new: "`/v2/orders`, also in `Location` and in the cookie's `Path`",
    },
    Difference { place: "`$.items[*].price` of teas", legacy: "a string, `\"4.50\"`", new: "a number, `4.5`" },
    Difference { place: "`$.items` of an order", legacy: "as they were entered", new: "sorted by `sku`" },
    Difference { place: "`$.channel` of an order", legacy: "absent", new: "`\"web\"`" },
    Difference { place: "a customer's name", legacy: "`$.cust_name`", new: "`$.name`" },
    Difference {
        place: "VAT that ends in half a cent",
        legacy: "rounded up",
        new: "rounded to even: invoice 22 is a cent less",
    },
    Difference { place: "`Cache-Control` of customers", legacy: "`private, max-age=60`", new: "absent" },
    Difference { place: "`/catalog`", legacy: "404, it has moved away", new: "the products" },
];
