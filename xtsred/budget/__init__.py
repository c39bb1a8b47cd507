"""The uncertainty budget: what each number of a project file contributes to S(Q), g(r) and what is read from them."""
