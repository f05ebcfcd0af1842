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
	"create": "Created", "delete": "Deleted", "set": "Set", "tag": "Tagged", "replace": "Replaced", "terminate": "Terminated",
	"attach": "Attached", "detach": "Detached", "associate": "Associated", "disassociate": "Disassociated",
	"allocate": "Allocated", "release": "Released", "register": "Registered", "deregister": "Deregistered",
	"authorize": "Authorized", "revoke": "Revoked", "enable": "Enabled", "forward": "Forwarded",
	"update": "Updated", "encrypt": "Encrypted", "start": "Started", "cancel": "Cancelled", "suspend": "Suspended", "resume": "Resumed",
}
