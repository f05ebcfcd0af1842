package core

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of tags in all services ("Tag naming limits and requirements" of the AWS General Reference).
const (
	MostTags        = 50
	longestTagKey   = 128
	longestTagValue = 256
)

// TagProblem says what is wrong with a tag in a service that takes only the characters allowed everywhere, "" for nothing. EC2 takes more.
func TagProblem(key, value string) string {
	switch {
	case key == "":
		return "the key is empty"
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return "keys that begin with aws: are reserved for internal use"
	case utf8.RuneCountInString(key) > longestTagKey || utf8.RuneCountInString(value) > longestTagValue:
		return "keys have at most 128 characters and values at most 256"
	case !tagText(key) || !tagText(value):
		return "keys and values have letters, digits, spaces and _.:/=+-@ only"
	}
	return ""
}

func tagText(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsNumber(c) && !unicode.In(c, unicode.Z) && !strings.ContainsRune("_.:/=+-@", c)
	})
}
