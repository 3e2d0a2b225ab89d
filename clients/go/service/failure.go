package service

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// CodeName is the code of a failed request, as FAILED_PRECONDITION.
func CodeName(failure error) string {
	return code.Code(status.Code(failure)).String()
}

// Reason is the name of the ErrorReason of a failed request, without its prefix;
// empty when the failure is not the service's.
func Reason(failure error) string {
	for _, detail := range status.Convert(failure).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// RetryIn is how long the service asks to wait before the same request.
func RetryIn(failure error) time.Duration {
	for _, detail := range status.Convert(failure).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// Sentence is what a failure says to a person.
func Sentence(failure error) string {
	return CodeName(failure) + ": " + status.Convert(failure).Message()
}

// IsOver says whether a request failed because its call has ended.
func IsOver(failure error) bool {
	reason := Reason(failure)
	return reason == "CALL_ENDED" || reason == "CALL_NOT_FOUND"
}
