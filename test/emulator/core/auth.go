package core

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Session is what AssumeRole gave out: a temporary access key.
type Session struct {
	Account string
	ARN     string
	UserID  string
	Expires time.Time
	// Role is the ARN of the role that was assumed; Secret and Token go with the access key.
	Role          string
	Secret, Token string
}

// scope is the credential scope of a signature: key/date/region/service/aws4_request.
type scope struct{ accessKey, region, service string }

// scopeOf reads the scope of a signed request's header, or of a presigned URL.
func scopeOf(request *http.Request, form url.Values) (scope, bool) {
	credential := form.Get("X-Amz-Credential")
	if _, rest, ok := strings.Cut(request.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(rest, ",")
	}
	part := strings.Split(strings.TrimSpace(credential), "/")
	if len(part) != 5 || part[0] == "" {
		return scope{}, false
	}
	return scope{accessKey: part[0], region: part[2], service: part[3]}, true
}

// AddSession makes an access key valid until it expires.
func (r *Request) AddSession(accessKey string, session Session) { r.world.session[accessKey] = session }

// IsSession says whether the caller itself uses assumed-role credentials.
func (r *Request) IsSession() bool {
	_, ok := r.world.session[r.Caller.AccessKey]
	return ok
}

// Key is an access key as AWS knows it.
type Key struct {
	Caller
	// Secret signs; Known is false for a key that the configuration gives no secret, which may sign as it likes.
	Secret string
	Known  bool
	// Token must be sent beside the signature, if there is one.
	Token string
}

// Key looks an access key up; false means that AWS refuses it.
func (r *Region) Key(accessKey string) (Key, bool) {
	caller, _, ok := r.world.caller(accessKey)
	out := Key{Caller: caller}
	if session, of := r.world.session[accessKey]; of {
		out.Secret, out.Token, out.Known = session.Secret, session.Token, true
	} else {
		out.Secret, out.Known = r.world.config.SecretKeys[accessKey]
	}
	return out, ok
}

// caller resolves an access key. The lock is held.
func (w *world) caller(accessKey string) (Caller, Standard, bool) {
	switch w.config.BadKeys[accessKey] {
	case "expired":
		return Caller{}, ExpiredCredentials, false
	case "":
	default:
		return Caller{}, InvalidCredentials, false
	}
	if session, ok := w.session[accessKey]; ok {
		if !w.clock.Now().Before(session.Expires) {
			return Caller{}, ExpiredCredentials, false
		}
		return Caller{AccessKey: accessKey, Account: session.Account, ARN: session.ARN, UserID: session.UserID, Role: session.Role}, 0, true
	}
	account, ok := w.config.AccessKeys[accessKey]
	if !ok {
		account = DefaultAccount
	}
	if role, ok := w.config.RoleKeys[accessKey]; ok {
		return Caller{AccessKey: accessKey, Account: account, ARN: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/key", account, role), UserID: "AROAEMULATOR000000000:key",
			Role: fmt.Sprintf("arn:aws:iam::%s:role/%s", account, role)}, 0, true
	}
	return Caller{AccessKey: accessKey, Account: account, ARN: fmt.Sprintf("arn:aws:iam::%s:user/emulator", account),
		UserID: "AIDAEMULATOR000000000"}, 0, true
}
