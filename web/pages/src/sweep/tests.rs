use super::*;

#[test]
fn the_quantity_is_part_of_the_address() {
    for quantity in Quantity::ALL {
        assert_eq!(Query::parse(&format!("x=1&of={}", quantity.name())).of, Some(quantity));
    }
    assert_eq!(Query::parse("of=everything").of, None);
}
