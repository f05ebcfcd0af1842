package v2beta1

// Tags are AWS tags, key to value.
type Tags map[string]string
