//! The attributes of `loopbox-guest`, which re-exports them: use them from there.
//!
//! An attribute only writes down what a person would: a function that returns a `Coroutine`. All behaviour is in
//! the SDK.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Pat, Result, ReturnType, Type, parse_quote};

/// Makes an `async fn` return a `loopbox_guest::Coroutine`, so that a call that nobody awaits is reported.
///
/// It is always written with its path, because Rust keeps the bare `#[coroutine]` for itself.
///
/// The function's name, visibility, documentation, attributes, arguments and generics stay as they are. A call
/// is awaited, spawned or closed as before:
///
/// ```ignore
/// use loopbox_guest::{Exception, create_task, run};
///
/// #[loopbox_guest::coroutine]
/// async fn work(times: u32) -> Result<u32, Exception> {
///     Ok(times * 2)
/// }
///
/// run(async {
///     assert_eq!(work(1).await.unwrap(), 2);
///     let task = create_task(work(2));
///     work(3).close();
///     drop(work(4)); // RuntimeWarning: coroutine 'work' was never awaited
///     assert_eq!(task.await.unwrap(), 4);
/// });
/// ```
///
/// # Limits
/// - References and lifetimes in arguments need edition 2024, in which a returned `impl Future` captures them.
/// - As with any function that returns `impl Future`, a recursive call needs `Box::pin`.
/// - In a trait the attribute stands at the functions of each implementation, and the trait declares
///   `fn work() -> Coroutine<impl Future>`.
#[proc_macro_attribute]
pub fn coroutine(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(attribute, "#[coroutine] takes no arguments"));
    }
    // A method is read in the same way as a function.
    let ItemFn { attrs, vis, mut sig, block } = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) if syn::parse2::<syn::TraitItemFn>(item.clone()).is_ok() => {
            let text = "#[coroutine] needs a function with a body: in the trait write `fn name() -> \
                        Coroutine<impl Future<Output = T>>;`";
            return Err(Error::new(error.span(), text));
        }
        Err(_) => return Err(Error::new_spanned(item, "#[coroutine] is for an `async fn`")),
    };
    if sig.asyncness.take().is_none() {
        return Err(Error::new_spanned(sig.fn_token, "#[coroutine] is for an `async fn`"));
    }
    if let Some(constness) = &sig.constness {
        return Err(Error::new_spanned(constness, "a coroutine cannot be `const`"));
    }

    let output: Type = match &sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, output) => (**output).clone(),
    };
    let hint = return_hint(&output);
    let captures = capture_arguments(&mut sig.inputs);
    sig.output = parse_quote! {
        -> ::loopbox_guest::Coroutine<impl ::core::future::Future<Output = #output>>
    };
    let statements = &block.stmts;
    Ok(quote! {
        #(#attrs)*
        #[track_caller]
        #vis #sig {
            ::loopbox_guest::coroutine(async move {
                #hint
                #captures
                #(#statements)*
            })
        }
    })
}

/// A `return` that is never reached: from it the compiler knows what `?` and `return` are to give.
fn return_hint(output: &Type) -> Option<Tokens> {
    // `impl Trait` cannot be the type of a variable; then the compiler has to find out by itself.
    if output.to_token_stream().into_iter().any(|token| token.to_string() == "impl") {
        return None;
    }
    Some(quote_spanned! {output.span()=>
        #[allow(
            clippy::diverging_sub_expression,
            clippy::unreachable,
            unreachable_code,
            reason = "it is there for its type"
        )]
        if false {
            let _output: #output = ::core::unreachable!();
            return _output;
        }
    })
}

/// Moves every argument into the future, also one that is not used, as `async fn` does. Patterns become
/// statements there.
fn capture_arguments<P>(arguments: &mut syn::punctuated::Punctuated<FnArg, P>) -> Tokens {
    let mut captures = Tokens::new();
    for (index, argument) in arguments.iter_mut().enumerate() {
        let FnArg::Typed(argument) = argument else {
            captures.extend(quote! { let _ = &self; });
            continue;
        };
        match &*argument.pat {
            Pat::Ident(pattern) if pattern.ident == "self" => {
                captures.extend(quote! { let _ = &self; });
            }
            Pat::Ident(pattern)
                if pattern.by_ref.is_none()
                    && pattern.mutability.is_none()
                    && pattern.subpat.is_none() =>
            {
                let name = &pattern.ident;
                captures.extend(quote! { let _ = &#name; });
            }
            pattern => {
                let name = format_ident!("__argument_{index}");
                captures.extend(quote! { let #pattern = #name; });
                *argument.pat = parse_quote!(#name);
            }
        }
    }
    captures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(item: Tokens) -> String {
        expand(Tokens::new(), item).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_cannot_be_a_coroutine_is_refused() {
        assert_eq!(refusal(quote! { fn work() {} }), "#[coroutine] is for an `async fn`");
        assert_eq!(refusal(quote! { struct Work; }), "#[coroutine] is for an `async fn`");
        let text = refusal(quote! { async fn work(); });
        assert!(text.starts_with("#[coroutine] needs a function with a body"), "{text}");
        let error = expand(quote! { debug }, quote! { async fn work() {} }).expect_err("refused");
        assert_eq!(error.to_string(), "#[coroutine] takes no arguments");
    }

    #[test]
    fn attributes_and_visibility_stay() {
        let item = quote! {
            /// Works.
            #[cold]
            pub(crate) async fn work<T: Clone>(mut times: T) -> T { times }
        };
        let text = expand(Tokens::new(), item).expect("it is fine").to_string();
        for part in ["Works.", "# [cold]", "# [track_caller] pub (crate) fn work < T : Clone >"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
