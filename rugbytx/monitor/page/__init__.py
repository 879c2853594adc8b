"""The pages and figures that Flower serves for us; reads the store, changes jobs only by rugbytx.control."""
