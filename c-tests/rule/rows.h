/*
 * The table: a name, and the scenario in words (see scenario.h).
 */

/* BoringSSL tells no names that are expected: a callback might have refused others */
#ifdef OPENSSL_IS_BORINGSSL
#define MUST_RESUME_IF_NAMES_ARE_TOLD	" must=full"
#else
#define MUST_RESUME_IF_NAMES_ARE_TOLD	" must=resume"
#endif

#define TLS12		" max=1.2 "

/* what was once broken */
#define BROKEN_ROWS(ROW)								\
	/* 1: a client's session is not for a server's callback */			\
	ROW(a_callback_for_servers_sessions,						\
	    "first: method=any new-cb=yes | later: method=any new-cb=yes")		\
	ROW(a_callback_for_servers_sessions_tls12,					\
	    "first: method=any new-cb=yes max=1.2 | later: method=any new-cb=yes max=1.2") \
	ROW(cache_off,									\
	    "first: cache=off new-cb=yes | later: cache=off new-cb=yes")		\
	/* 2: what resumed is what was offered */					\
	ROW(tickets_of_an_external_psk,							\
	    "first: | second: at=b psk13=alice suites=aes128-first |"\
	    "later: at=b suites=aes128-first | b: psk=yes keys=1 cert=stranger")		\
	ROW(tickets_of_a_session_set_late,						\
	    "first: at=b verify=none keep=yes | second: | third: at=b late=own | later: at=b |" \
	    "b: keys=1 cert=stranger")							\
	ROW(a_session_set_late_tls12,							\
	    "first: at=b verify=none max=1.2 keep=yes | second: max=1.2 |"		\
	    "third: at=b max=1.2 late=own verify=none | later: at=b max=1.2 |"		\
	    "b: keys=1 cert=stranger")							\
	ROW(a_ticket_set_late_tls12,							\
	    "first: at=b verify=none max=1.2 keep=yes | second: max=1.2 |"		\
	    "third: at=b max=1.2 late=own verify=none | later: at=b max=1.2 |"		\
	    "b: keys=1 cert=stranger | pair: allow-tickets=yes")			\
	/* 3: who it is */								\
	ROW(psk_with_a_certificate,							\
	    "first: max=1.2 psk12=alice ciphers=rsa-psk |"				\
	    "later: max=1.2 psk12=bob ciphers=rsa-psk | a: psk=yes cert=rsa")		\
	ROW(psk_with_a_certificate_and_a_wrong_key,					\
	    "first: max=1.2 psk12=alice ciphers=rsa-psk |"				\
	    "later: max=1.2 psk12=wrong ciphers=rsa-psk | a: psk=yes cert=rsa")		\
	ROW(psk_without_a_certificate,							\
	    "first: max=1.2 psk12=alice ciphers=psk verify=none |"			\
	    "later: max=1.2 psk12=bob ciphers=psk verify=none | a: psk=yes")		\
	ROW(psk_of_tls13,								\
	    "first: psk13=alice suites=aes128-first | later: psk13=bob suites=aes128-first |"	\
	    "a: psk=yes")								\
	ROW(psk_with_tls13_after_a_certificate,						\
	    "first: suites=aes128-first | later: psk12=bob suites=aes128-first | a: psk=yes") \
	ROW(no_psk_after_one_of_tls13,							\
	    "first: psk13=alice suites=aes128-first | later: suites=aes128-first | a: psk=yes") \
	ROW(srp_with_a_certificate,							\
	    "first: max=1.2 srp=alice ciphers=srp-rsa |"				\
	    "later: max=1.2 srp=bob ciphers=srp-rsa | a: cert=rsa")			\
	ROW(srp_with_a_certificate_and_a_wrong_password,				\
	    "first: max=1.2 srp=alice ciphers=srp-rsa |"				\
	    "later: max=1.2 srp=wrong ciphers=srp-rsa | a: cert=rsa")			\
	ROW(srp_without_a_certificate,							\
	    "first: max=1.2 srp=alice ciphers=srp verify=none |"			\
	    "later: max=1.2 srp=bob ciphers=srp verify=none")				\
	/* 4: a loaded session is known for no more than it tells */			\
	ROW(loaded_with_a_trusted_callback_other_names,					\
	    "first: verify-cb=pass | later: verify-cb=pass host=wrong |"		\
	    "pair: load=saved trust-verify-callback=yes")				\
	ROW(loaded_at_a_lower_level,							\
	    "first: max=1.2 level=0 ciphers=dhe | later: max=1.2 level=2 ciphers=dhe |"	\
	    "a: cert=rsa dh=1024 | pair: load=saved")					\
	ROW(loaded_at_a_lower_level_lax,						\
	    "first: max=1.2 level=0 ciphers=dhe verify=none |"				\
	    "later: max=1.2 level=2 ciphers=dhe verify=none |"				\
	    "a: cert=rsa dh=1024 | pair: load=saved")					\
	ROW(loaded_with_a_trusted_callback_lower_level,					\
	    "first: max=1.2 level=0 ciphers=dhe verify-cb=pass |"			\
	    "later: max=1.2 level=2 ciphers=dhe verify-cb=pass |"			\
	    "a: cert=rsa dh=1024 | pair: load=saved trust-verify-callback=yes")		\
	ROW(loaded_under_a_security_callback,						\
	    "first: | later: security=by-ex security-ex=refuse | pair: load=saved")	\
	/* 5: terms set late */								\
	ROW(host_and_verification_set_late,						\
	    "first: verify=none host=none | later: verify=none host=none late=peer-wrong-host") \
	ROW(host_set_late, "first: | later: late=wrong-host")				\
	ROW(verification_set_late,							\
	    "first: verify=none at=b | later: verify=none at=b late=peer | b: cert=stranger") \
	ROW(level_set_late, "first: max=1.2 | later: max=1.2 late=level-4")		\
	ROW(store_set_late, "first: | later: late=stranger")				\
	ROW(ciphers_set_late,								\
	    "first: max=1.2 | later: max=1.2 late=rsa-first | a: cert=both")		\
	ROW(sni_set_late, "first: wsi=localhost | later: wsi=localhost late=sni-a | a: cert=by-sni") \
	ROW(client_certificate_set_late,						\
	    "first: cert=alice | later: cert=alice late=cert-bob | a: client=ask")	\
	/* 6: the order of ciphers */							\
	ROW(order_of_ciphers,								\
	    "first: max=1.2 ciphers=ecdsa-first | later: max=1.2 ciphers=rsa-first | a: cert=both") \
	ROW(ciphers_of_suite_b, "first: | later: suite-b=128 | a: version=1.2")		\
	ROW(fewer_ciphers,								\
	    "first: max=1.2 ciphers=rsa | later: max=1.2 | a: cert=both")		\
	/* 7: SNI that is not the host told */						\
	ROW(sni_is_another_name,							\
	    "first: wsi=localhost sni=b host=none | later: wsi=localhost sni=a host=none |" \
	    "a: cert=by-sni")								\
	ROW(sni_is_none,								\
	    "first: wsi=a sni=a host=a | later: wsi=a sni=none host=a | a: cert=by-sni")	\
	/* 8: an app that keeps its sessions */						\
	ROW(own_session_three_times,							\
	    "first: keep=yes | second: own=first | third: own=first | later: own=first")	\
	ROW(own_session_three_times_tls12,						\
	    "first: max=1.2 keep=yes | second: max=1.2 own=first |"			\
	    "third: max=1.2 own=first | later: max=1.2 own=first")			\
	ROW(own_early_data,								\
	    "first: keep=yes | second: own=first early=yes keep=yes |"			\
	    "third: own=first early=yes | later: own=last early=yes | a: early=yes")	\
	/* 9: the app's SSL is left alone */						\
	ROW(own_session_id_context,							\
	    "first: | second: sid-ssl=x keep=yes | later: sid-ssl=x own=last")		\
	ROW(own_session_id_context_tls12,						\
	    "first: max=1.2 | second: max=1.2 sid-ctx=x keep=yes |"			\
	    "later: max=1.2 sid-ctx=x own=last")					\
	ROW(options, "first: max=1.2 | later: max=1.2")					\
	/* 10: verdicts that outlive their terms */					\
	ROW(a_certificate_that_is_rejected_later,					\
	    "first: | second: ctx=first | later: ctx=first change=reject")		\
	ROW(a_certificate_that_is_rejected_later_tls12,					\
	    "first: max=1.2 | second: ctx=first max=1.2 | later: ctx=first change=reject max=1.2") \
	ROW(a_certificate_that_is_for_mail_later,					\
	    "first: | second: ctx=first | later: ctx=first change=trust-email")		\
	ROW(a_certificate_that_is_revoked_later,					\
	    "first: store=crl flags=crl | second: ctx=first flags=crl |"		\
	    "later: ctx=first flags=crl change=revoke")					\
	ROW(lists_that_go_out_of_date,							\
	    "first: store=crl flags=crl | second: ctx=first flags=crl |"		\
	    "later: ctx=first flags=crl change=outdate")				\
	ROW(lists_of_the_store_that_go_out_of_date,					\
	    "first: store=crl-checked | second: ctx=first | later: ctx=first change=outdate") \
	ROW(a_store_that_gains_a_certificate,						\
	    "first: | second: ctx=first | later: ctx=first change=add-expired")		\
	ROW(no_partial_chain,								\
	    "first: store=intermediate flags=partial | second: ctx=first flags=partial |" \
	    "later: ctx=first")								\
	ROW(another_second_name,							\
	    "first: host=two | second: ctx=first host=two | later: ctx=first host=two-wrong") \
	ROW(security_callbacks_ex_data,							\
	    "first: security=by-ex security-ex=allow |"					\
	    "second: security=by-ex security-ex=allow |"				\
	    "later: security=by-ex security-ex=refuse")					\
	ROW(security_callbacks_ex_data_tls12,						\
	    "first: security=by-ex security-ex=allow max=1.2 |"				\
	    "second: security=by-ex security-ex=allow max=1.2 |"			\
	    "later: security=by-ex security-ex=refuse max=1.2")				\
	ROW(another_address, "first: ip=right | second: ip=right | later: ip=wrong")	\
	ROW(another_email, "first: email=right | second: email=right | later: email=wrong") \
	ROW(parameters_that_nobody_inherits,						\
	    "first: inherit=lock host=wrong | second: ctx=first inherit=lock host=wrong |" \
	    "later: ctx=first host=wrong")						\
	ROW(another_purpose,								\
	    "first: purpose=server | second: ctx=first purpose=server |"		\
	    "later: ctx=first purpose=client | a: cert=chain")				\
	ROW(less_depth,									\
	    "first: depth=5 | second: ctx=first depth=5 | later: ctx=first depth=0")	\
	ROW(another_level_of_certificates,						\
	    "first: auth-level=2 | second: ctx=first auth-level=2 | later: ctx=first auth-level=4") \
	ROW(no_wildcards,								\
	    "first: host=a | second: ctx=first host=a | later: ctx=first host=a host-flags=no-wildcards") \
	ROW(the_time_that_counts,							\
	    "first: time=soon | second: ctx=first time=soon | later: ctx=first time=future") \
	ROW(another_policy,								\
	    "first: flags=policy policy=right |"					\
	    "second: ctx=first flags=policy policy=right |"				\
	    "later: ctx=first flags=policy policy=wrong | a: cert=policy")		\
	ROW(a_store_that_gains_a_function,						\
	    "first: | second: ctx=first | later: ctx=first change=verify-function")	\
	ROW(trust_of_a_root_for_mail,							\
	    "first: store=trusted-email trust=email | second: ctx=first trust=email |"	\
	    "later: ctx=first trust=server")						\
	ROW(trust_of_a_root_that_says_nothing,						\
	    "first: | second: ctx=first | later: ctx=first trust=ocsp")			\
	ROW(trust_of_a_root_for_servers,						\
	    "first: store=trusted-server trust=server | second: ctx=first trust=server |"	\
	    "later: ctx=first trust=email")						\
	/* 13: a bare session is of whoever made it */					\
	ROW(bare_of_another_client,							\
	    "first: on=ctx cert=alice max=1.2 | later: on=ctx cert=bob max=1.2 |"	\
	    "a: client=ask | pair: load=bare")						\
	ROW(bare_of_another_client_tls13,						\
	    "first: on=ctx cert=alice | later: on=ctx cert=bob |"			\
	    "a: client=ask cert=ecdsa | pair: load=bare")				\
	ROW(bare_of_a_client_that_is_none_now,						\
	    "first: on=ctx cert=alice store=intermediate flags=partial |"		\
	    "later: on=ctx store=intermediate flags=partial | a: client=ask | pair: load=bare") \
	ROW(bare_of_none_for_a_client,							\
	    "first: on=ctx store=intermediate flags=partial |"				\
	    "later: on=ctx cert=bob store=intermediate flags=partial |"			\
	    "a: client=ask | pair: load=bare")						\
	ROW(bare_of_another_client_that_verifies,					\
	    "first: on=ctx cert=alice store=intermediate flags=partial |"		\
	    "later: on=ctx cert=bob store=intermediate flags=partial |"			\
	    "a: client=ask | pair: load=bare")

/* what has to resume, or the library is good for nothing */
#define RESUMING_ROWS(ROW)								\
	ROW(plain, "first: | pair: must=resume")					\
	ROW(plain_tls12, "first: max=1.2 | later: max=1.2 | pair: must=resume")		\
	ROW(plain_told, "first: wsi=localhost | later: wsi=localhost | pair: must=resume") \
	ROW(asked_for, "first: wsi=localhost reuse=yes | later: wsi=localhost reuse=yes |" \
	    "pair: must=resume")							\
	ROW(tickets_tls12,								\
	    "first: max=1.2 | later: max=1.2 | a: resumes=tickets |"			\
	    "pair: allow-tickets=yes must=resume")					\
	ROW(ids_only, "first: max=1.2 | later: max=1.2 | a: resumes=ids | pair: must=resume") \
	ROW(stateful_tickets, "first: | a: resumes=ids | pair: must=resume")		\
	ROW(single_use, "first: | pair: single-use=yes must=resume")			\
	ROW(one_ssl_ctx, "first: | later: ctx=first | pair: must=resume")		\
	ROW(one_ssl_ctx_tls12, "first: max=1.2 | later: ctx=first max=1.2 | pair: must=resume") \
	ROW(an_ssl_ctx_each, "first: | second: | third: | later: | pair: must=resume")	\
	ROW(attached_early, "first: attach=early | later: attach=early | pair: must=resume") \
	ROW(client_and_server, "first: method=any | later: method=any | pair: must=resume") \
	ROW(terms_of_the_ssl_ctx, "first: on=ctx | later: on=ctx | pair: must=resume")	\
	ROW(terms_set_elsewhere, "first: on=ctx | later: on=ssl | pair: must=resume")	\
	ROW(lax, "first: verify=none | later: verify=none | pair: must=resume")		\
	ROW(lax_after_strict, "first: | later: verify=none | pair: must=resume")	\
	ROW(lax_and_unverified,								\
	    "first: verify=none | later: verify=none | a: cert=stranger | pair: must=resume") \
	ROW(strict_after_lax_verified, "first: verify=none | later: | pair: must=nothing") \
	ROW(client_certificate,								\
	    "first: cert=alice | later: cert=alice | a: client=require | pair: must=resume") \
	ROW(client_certificate_tls12,							\
	    "first: cert=alice max=1.2 | later: cert=alice max=1.2 | a: client=require |" \
	    "pair: must=resume")							\
	ROW(client_certificate_of_the_ssl_ctx,						\
	    "first: cert=alice on=ctx | later: cert=alice on=ctx | a: client=require |"	\
	    "pair: must=resume")							\
	ROW(two_names_expected, "first: host=two | later: host=two | pair: must=resume") \
	ROW(an_address_expected, "first: ip=right | later: ip=right | pair: must=resume") \
	ROW(another_name_that_is_right, "first: host=localhost | later: host=a | pair: must=resume") \
	ROW(a_verify_callback,								\
	    "first: verify-cb=pass | later: verify-cb=pass | pair: must=resume")	\
	ROW(a_verify_callback_that_is_trusted,						\
	    "first: verify-cb=force store=stranger | later: verify-cb=force store=stranger |" \
	    "pair: trust-verify-callback=yes" MUST_RESUME_IF_NAMES_ARE_TOLD)		\
	ROW(own_store, "first: store=own-root | later: store=own-root | pair: must=resume") \
	ROW(a_policy,									\
	    "first: flags=policy policy=right | later: flags=policy policy=right |"	\
	    "a: cert=policy | pair: must=resume")					\
	ROW(lists_of_revoked_certificates,						\
	    "first: store=crl flags=crl-all | later: store=crl flags=crl-all | pair: must=resume") \
	ROW(sid_context_of_the_ssl_ctx, "first: sid-ctx=x | later: sid-ctx=x | pair: must=resume") \
	ROW(sid_context_of_the_other_ssl_ctx,						\
	    "first: sid-ctx=x | later: sid-ctx=y | pair: must=resume")			\
	ROW(sid_context_of_the_other_ssl_ctx_tls12,					\
	    "first: sid-ctx=x max=1.2 | later: sid-ctx=y max=1.2 | pair: must=resume")	\
	ROW(sid_context_of_the_other_ssl, "first: | later: sid-ssl=y | pair: must=resume") \
	ROW(cache_mode_and_callback_of_the_app,						\
	    "first: cache=client new-cb=yes | later: cache=client new-cb=yes | pair: must=resume") \
	ROW(an_app_that_keeps_sessions_too,						\
	    "first: keep=yes | second: own=first keep=yes | later: | pair: must=resume") \
	ROW(own_session_is_left_alone,							\
	    "first: keep=yes | later: own=first")					\
	ROW(a_server_that_allows_early_data, "first: | a: early=yes | pair: must=resume") \
	ROW(an_info_callback, "first: late=nothing | later: late=nothing | pair: must=resume") \
	ROW(info_callback_of_the_ssl,							\
	    "first: late=nothing info=ssl wsi=localhost |"				\
	    "later: late=nothing info=ssl wsi=localhost | pair: must=resume")		\
	ROW(alpn, "first: alpn=both | later: alpn=both | a: alpn=yes | pair: must=resume") \
	ROW(another_alpn, "first: alpn=h2 | later: alpn=http | a: alpn=yes | pair: must=nothing") \
	ROW(level_3, "first: level=3 | later: level=3 | pair: must=resume")		\
	ROW(ciphers, "first: ciphers=aes256 max=1.2 | later: ciphers=aes256 max=1.2 |"	\
	    "pair: must=resume")							\
	ROW(longer_chain, "first: | a: cert=chain | pair: must=resume")			\
	ROW(saved, "first: on=ctx | later: on=ctx | pair: load=saved must=resume")	\
	ROW(saved_tls12, "first: max=1.2 on=ctx | later: max=1.2 on=ctx |"		\
	    "pair: load=saved must=resume")						\
	ROW(saved_of_a_client,								\
	    "first: cert=alice on=ctx | later: cert=alice on=ctx | a: client=require |"	\
	    "pair: load=saved must=resume")						\
	ROW(bare_that_verifies,								\
	    "first: store=intermediate flags=partial max=1.2 |"				\
	    "later: store=intermediate flags=partial max=1.2 | pair: load=bare must=nothing") \
	/* and what may not */								\
	ROW(an_ocsp_staple, "first: | later: ocsp=require | a: ocsp=yes | pair: must=full") \
	ROW(certificate_transparency, "first: | later: ct=strict | pair: must=full")	\
	ROW(dane, "first: | later: dane=match | pair: must=full")			\
	ROW(strict_after_force,								\
	    "first: verify-cb=force store=stranger | later: store=stranger | pair: must=full") \
	ROW(another_client_certificate,							\
	    "first: cert=alice | later: cert=bob | a: client=ask | pair: must=full")	\
	ROW(another_server_of_that_port,						\
	    "first: at=b verify=none host=none | later: at=b | b: cert=stranger | pair: must=full") \
	ROW(fragment_length, "first: mfl=512 | later: | pair: must=full")
