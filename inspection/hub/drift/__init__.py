"""Whether stations and goods still are what the model was made for: figures, alarms, and what to do about them."""
