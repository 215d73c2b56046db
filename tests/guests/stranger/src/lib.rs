//! Imports an interface that no Star offers, and uses it, so that it stays an import.

wit_bindgen::generate!({
    inline: r#"
        package acme:vault@1.0.0;

        interface secrets {
            open: func(name: string) -> string;
        }

        interface door {
            knock: func() -> string;
        }

        world stranger {
            import secrets;
            export door;
        }
    "#,
});

struct Stranger;

export!(Stranger);

impl exports::acme::vault::door::Guest for Stranger {
    fn knock() -> String {
        acme::vault::secrets::open("everything")
    }
}
