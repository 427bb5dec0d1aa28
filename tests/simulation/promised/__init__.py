"""What people were promised, told apart from the code: a page for each kind of promise."""
