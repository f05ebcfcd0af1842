package core

// Match compares with EC2's wildcards ("Filter Amazon EC2 resources"): * stands for zero or more characters, ? for zero or one, \\ takes its
// meaning from the character behind it.
func Match(pattern, value string) bool {
	text := []rune(value)
	// fits[i] says whether the pattern so far fits the first i characters.
	fits := make([]bool, len(text)+1)
	fits[0] = true
	given := []rune(pattern)
	for p := 0; p < len(given); p++ {
		next := make([]bool, len(fits))
		for i := range fits {
			switch c := given[p]; {
			case c == '*':
				next[i] = fits[i] || i > 0 && next[i-1]
			case c == '?':
				next[i] = fits[i] || i > 0 && fits[i-1]
			case c == '\\' && p+1 < len(given):
				next[i] = i > 0 && fits[i-1] && text[i-1] == given[p+1]
			default:
				next[i] = i > 0 && fits[i-1] && text[i-1] == c
			}
		}
		if given[p] == '\\' {
			p++
		}
		fits = next
	}
	return fits[len(text)]
}
