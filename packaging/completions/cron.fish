# fish completion for cron(8)
complete -c cron -f
complete -c cron -s f -l foreground -d 'stay in the foreground'
complete -c cron -s l -l lsb-names -d 'accept file names of the LSB in /etc/cron.d'
complete -c cron -s L -l log-level -x -a '0 1 2 3 4 5 7 15' -d 'what is logged of jobs'
complete -c cron -s n -l fqdn -d 'write the whole host name into the subject of mails'
complete -c cron -s x -l debug -x -a test -d 'stay in the foreground'
complete -c cron -l stop-jobs -d 'end running jobs with the daemon'
complete -c cron -l config -r -d 'read this file'
complete -c cron -l mailcmd -r -d 'the mailer'
complete -c cron -l mailargs -x -d 'its arguments'
complete -c cron -s h -l help -d 'show the options'
complete -c cron -s V -l version -d 'show the version'
