package plan

import "strings"

// Past tells a summary as what was done: "create route ..." as "Created route ...".
func Past(summary string) string {
	verb, rest, _ := strings.Cut(summary, " ")
	if form, ok := pastForms[verb]; ok {
		return form + " " + rest
	}
	return summary
}

// pastForms are the verbs with which summaries begin, as they are told later.
var pastForms = map[string]string{
	"create": "Created", "delete": "Deleted", "set": "Set", "tag": "Tagged", "register": "Registered", "deregister": "Deregistered",
	"terminate": "Terminated", "start": "Started", "cancel": "Cancelled", "suspend": "Suspended", "resume": "Resumed",
}
